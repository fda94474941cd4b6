// A store whose writes fail when a test says so. Thread-safe.
//
//   FaultyStore store(std::make_unique<MemoryStore>());
//   store.FailWrite(3, absl::ResourceExhaustedError("the disk is full"));
#ifndef LATHE_SERVER_STORE_FAULTY_STORE_H_
#define LATHE_SERVER_STORE_FAULTY_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "server/store/store.h"

namespace lathe {

class FaultyStore : public Store {
 public:
  explicit FaultyStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  // The n-th write from now on, the next one being the first, fails with `status`: nothing of it
  // reaches the store.
  void FailWrite(uint64_t n, absl::Status status) {
    const std::lock_guard lock(mutex_);
    planned_[writes_ + n] = std::move(status);
  }
  // All writes fail with `status`, until it is OK again.
  void FailWrites(absl::Status status) {
    const std::lock_guard lock(mutex_);
    every_write_ = std::move(status);
  }
  // The n-th write from now on is the last thing this store does: it happens or it does not, and it
  // and all calls after it fail. A store in which a process has died, for who opens it next.
  void CrashAtWrite(uint64_t n, bool happens) {
    const std::lock_guard lock(mutex_);
    crash_at_ = writes_ + n;
    last_happens_ = happens;
  }
  bool Crashed() const {
    const std::lock_guard lock(mutex_);
    return crashed_;
  }
  // So far, failed ones included.
  uint64_t Writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }

  absl::Status Write(const WriteBatch& batch) override {
    const std::lock_guard lock(write_mutex_);
    if (IsLast() && last_happens_) store_->Write(batch).IgnoreError();
    const absl::Status fault = NextFault();
    return fault.ok() ? store_->Write(batch) : fault;
  }
  absl::StatusOr<std::optional<std::string>> Get(Kind kind, std::string_view key) const override {
    if (Crashed()) return Dead();
    return store_->Get(kind, key);
  }
  absl::StatusOr<std::vector<Entry>> Scan(Kind kind, std::string_view begin, std::string_view end,
                                          size_t limit) const override {
    if (Crashed()) return Dead();
    return store_->Scan(kind, begin, end, limit);
  }

 private:
  static absl::Status Dead() { return absl::UnavailableError("the process has died"); }
  bool IsLast() const {
    const std::lock_guard lock(mutex_);
    return !crashed_ && writes_ + 1 == crash_at_;
  }
  absl::Status NextFault() {
    const std::lock_guard lock(mutex_);
    ++writes_;
    crashed_ = crashed_ || writes_ == crash_at_;
    if (crashed_) return Dead();
    const auto planned = planned_.find(writes_);
    const absl::Status& fault = planned == planned_.end() ? every_write_ : planned->second;
    // One of its own for each caller: copies share what tsan, which does not see into the library,
    // takes for a race.
    return absl::Status(fault.code(), fault.message());
  }

  const std::shared_ptr<Store> store_;
  std::mutex write_mutex_;  // one write at a time, so that a crash has a place among them
  mutable std::mutex mutex_;
  uint64_t writes_ = 0, crash_at_ = 0;
  bool last_happens_ = false, crashed_ = false;
  std::map<uint64_t, absl::Status> planned_;  // by number of the write
  absl::Status every_write_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_FAULTY_STORE_H_
