// Whether a disk has room for another batch. Thread-safe.
#ifndef LATHE_SERVER_STORE_DISK_ROOM_H_
#define LATHE_SERVER_STORE_DISK_ROOM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "server/store/store.h"

namespace lathe {

// A disk with less counts as full: a store needs room to put its files in order.
inline constexpr uint64_t kReservedDiskBytes = uint64_t{32} << 20;

class DiskRoom {
 public:
  // Of the disk that holds `directory`.
  explicit DiskRoom(std::string directory) : directory_(std::move(directory)) {}

  // Asks the file system at first, then once in a mebibyte, and with every batch while it is full.
  bool Suffices(const WriteBatch& batch);

 private:
  static constexpr size_t kUnaskedBytes = size_t{1} << 20;

  const std::string directory_;
  std::atomic<size_t> unasked_ = kUnaskedBytes;  // bytes since the file system was asked
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_DISK_ROOM_H_
