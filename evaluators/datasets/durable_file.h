// Files that are there whole or not at all, also after a loss of power.
#ifndef LATHE_EVALUATORS_DATASETS_DURABLE_FILE_H_
#define LATHE_EVALUATORS_DATASETS_DURABLE_FILE_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lathe {

// What names of files that are being written end with.
inline constexpr std::string_view kPartialSuffix = ".partial";

// Writes `parts`, one after the other, beside `path`, onto the disk, and renames. After an error
// nothing is left beside it. One process at a time writes a file: see DirectoryLock.
absl::Status WriteDurably(const std::string& path, std::span<const std::string_view> parts);

// Keeps other processes out of what this one does in a directory.
class DirectoryLock {
 public:
  // Makes the directory, and those above it, if it is not there; they are on the disk then.
  // Unavailable if another process has it.
  static absl::StatusOr<DirectoryLock> Acquire(const std::string& path);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_DURABLE_FILE_H_
