#include "server/store/disk_room.h"

#include <sys/statvfs.h>

namespace lathe {
namespace {

size_t BytesOf(const WriteBatch& batch) {
  size_t bytes = 0;
  for (const WriteBatch::Change& change : batch.Changes()) {
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  }
  return bytes;
}

}  // namespace

bool DiskRoom::Suffices(const WriteBatch& batch) {
  if (unasked_.fetch_add(BytesOf(batch)) < kUnaskedBytes) return true;
  struct statvfs disk;
  // A file system that does not tell is not full until a write says so.
  if (statvfs(directory_.c_str(), &disk) == 0 &&
      uint64_t{disk.f_bavail} * disk.f_frsize < kReservedDiskBytes) {
    return false;
  }
  unasked_ = 0;
  return true;
}

}  // namespace lathe
