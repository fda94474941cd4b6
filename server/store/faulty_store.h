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
  // So far, failed ones included.
  uint64_t Writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }

  absl::Status Write(const WriteBatch& batch) override {
    const absl::Status fault = NextFault();
    return fault.ok() ? store_->Write(batch) : fault;
  }
  absl::StatusOr<std::optional<std::string>> Get(Kind kind, std::string_view key) const override {
    return store_->Get(kind, key);
  }
  absl::StatusOr<std::vector<Entry>> Scan(Kind kind, std::string_view begin, std::string_view end,
                                          size_t limit) const override {
    return store_->Scan(kind, begin, end, limit);
  }

 private:
  absl::Status NextFault() {
    const std::lock_guard lock(mutex_);
    const auto planned = planned_.find(++writes_);
    return planned == planned_.end() ? every_write_ : planned->second;
  }

  const std::shared_ptr<Store> store_;
  mutable std::mutex mutex_;
  uint64_t writes_ = 0;
  std::map<uint64_t, absl::Status> planned_;  // by number of the write
  absl::Status every_write_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_FAULTY_STORE_H_
