// Shows the thread sanitizer how gRPC and RocksDB keep their threads apart.
//
// Debian's libraries are not built with the sanitizer. gRPC locks with Abseil's mutexes, which go
// to the kernel directly, and RocksDB hands a batch to the thread that writes a group of them
// through atomics: the sanitizer sees neither, and takes whatever one of their threads hands to
// another for a race. The functions below stand before those of the libraries and tell the
// sanitizer what is ordered. One object stands for all locks of a library: what happens between two
// of its calls, which is all of our code, is not ordered by it, so races of our own are still
// found.
#include <absl/synchronization/mutex.h>
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <rocksdb/write_batch.h>

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace {

char all_of_grpc, batches;

void Acquire() {
  __tsan_acquire(&all_of_grpc);
}
void Release() {
  __tsan_release(&all_of_grpc);
}

// The library's own function of that (mangled) name.
template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

#define LATHE_MUTEX "_ZN4absl7debian35Mutex"
#define LATHE_COND_VAR "_ZN4absl7debian37CondVar"

void Mutex::Lock() {
  static auto* const real = Real<void(Mutex*)>(LATHE_MUTEX "4LockEv");
  real(this);
  Acquire();
}

void Mutex::Unlock() {
  static auto* const real = Real<void(Mutex*)>(LATHE_MUTEX "6UnlockEv");
  Release();
  real(this);
}

bool Mutex::TryLock() {
  static auto* const real = Real<bool(Mutex*)>(LATHE_MUTEX "7TryLockEv");
  const bool locked = real(this);
  if (locked) Acquire();
  return locked;
}

void CondVar::Wait(Mutex* mutex) {
  static auto* const real = Real<void(CondVar*, Mutex*)>(LATHE_COND_VAR "4WaitEPNS0_5MutexE");
  Release();
  real(this, mutex);
  Acquire();
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const real = Real<bool(CondVar*, Mutex*, Time)>(
      LATHE_COND_VAR "16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  Release();
  const bool timed_out = real(this, mutex, deadline);
  Acquire();
  return timed_out;
}

ABSL_NAMESPACE_END
}  // namespace absl

extern "C" {

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                                      void* reserved) {
  static auto* const real =
      Real<grpc_event(grpc_completion_queue*, gpr_timespec, void*)>("grpc_completion_queue_next");
  Release();
  const grpc_event event = real(queue, deadline, reserved);
  Acquire();
  return event;
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag,
                                       gpr_timespec deadline, void* reserved) {
  static auto* const real = Real<grpc_event(grpc_completion_queue*, void*, gpr_timespec, void*)>(
      "grpc_completion_queue_pluck");
  Release();
  const grpc_event event = real(queue, tag, deadline, reserved);
  Acquire();
  return event;
}

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t count, void* tag,
                                      void* reserved) {
  static auto* const real = Real<grpc_call_error(grpc_call*, const grpc_op*, size_t, void*, void*)>(
      "grpc_call_start_batch");
  Release();
  return real(call, ops, count, tag, reserved);
}

}  // extern "C"

// RocksDB's functions under their own names, which are not all public.
using rocksdb::ColumnFamilyHandle;
using rocksdb::Slice;

#define LATHE_PUT "_ZN7rocksdb10WriteBatch3PutEPNS_18ColumnFamilyHandleERKNS_5SliceES5_"
#define LATHE_DELETE "_ZN7rocksdb10WriteBatch6DeleteEPNS_18ColumnFamilyHandleERKNS_5SliceE"
#define LATHE_APPEND "_ZN7rocksdb18WriteBatchInternal6AppendEPNS_10WriteBatchEPKS1_b"
#define LATHE_DESTROY "_ZN7rocksdb10WriteBatchD1Ev"

rocksdb::Status Put(rocksdb::WriteBatch* batch, ColumnFamilyHandle* family, const Slice& key,
                    const Slice& value) asm(LATHE_PUT);
rocksdb::Status Delete(rocksdb::WriteBatch* batch, ColumnFamilyHandle* family,
                       const Slice& key) asm(LATHE_DELETE);
rocksdb::Status Append(rocksdb::WriteBatch* group, const rocksdb::WriteBatch* batch,
                       bool wal_only) asm(LATHE_APPEND);
void Destroy(rocksdb::WriteBatch* batch) asm(LATHE_DESTROY);

rocksdb::Status Put(rocksdb::WriteBatch* batch, ColumnFamilyHandle* family, const Slice& key,
                    const Slice& value) {
  static auto* const real = Real<decltype(Put)>(LATHE_PUT);
  rocksdb::Status status = real(batch, family, key, value);
  __tsan_release(&batches);
  return status;
}

rocksdb::Status Delete(rocksdb::WriteBatch* batch, ColumnFamilyHandle* family, const Slice& key) {
  static auto* const real = Real<decltype(Delete)>(LATHE_DELETE);
  rocksdb::Status status = real(batch, family, key);
  __tsan_release(&batches);
  return status;
}

// The writer of a group reads the batches of the others.
rocksdb::Status Append(rocksdb::WriteBatch* group, const rocksdb::WriteBatch* batch,
                       bool wal_only) {
  static auto* const real = Real<decltype(Append)>(LATHE_APPEND);
  __tsan_acquire(&batches);
  rocksdb::Status status = real(group, batch, wal_only);
  __tsan_release(&batches);
  return status;
}

void Destroy(rocksdb::WriteBatch* batch) {
  static auto* const real = Real<decltype(Destroy)>(LATHE_DESTROY);
  __tsan_acquire(&batches);
  real(batch);
}
