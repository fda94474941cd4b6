#include "evaluators/datasets/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0644, kFolderMode = 0777;  // less the umask
// Of one call of write().
constexpr size_t kMostBytes = size_t{1} << 30;

absl::Status Failed(const std::string& path, const std::string& what) {
  return absl::UnavailableError(absl::StrCat(path, ": ", what, ": ", std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int Get() const { return descriptor_; }

 private:
  const int descriptor_;
};

bool WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), std::min(bytes.size(), kMostBytes));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

absl::Status WriteOnto(const std::string& path, std::span<const std::string_view> parts) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
  if (file.Get() < 0) return Failed(path, "cannot be written");
  for (const std::string_view part : parts) {
    if (!WriteAll(file.Get(), part)) return Failed(path, "cannot be written");
  }
  return fsync(file.Get()) == 0 ? absl::OkStatus() : Failed(path, "cannot be written");
}

absl::Status SyncDirectory(const std::string& path) {
  const Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.Get() >= 0 && fsync(directory.Get()) == 0) return absl::OkStatus();
  return Failed(path, "cannot be synced");
}

// A folder and those above it that are not there. The name of each is synced in the one above it.
absl::Status MakeDirectories(const fs::path& path) {
  std::error_code error;
  const fs::path above = path.has_parent_path() ? path.parent_path() : ".";
  if (fs::is_directory(path, error) || above == path) return absl::OkStatus();
  if (absl::Status status = MakeDirectories(above); !status.ok()) return status;
  if (mkdir(path.c_str(), kFolderMode) == 0) return SyncDirectory(above.string());
  return errno == EEXIST ? absl::OkStatus() : Failed(path.string(), "cannot be made");
}

}  // namespace

absl::Status WriteDurably(const std::string& path, std::span<const std::string_view> parts) {
  const std::string partial = absl::StrCat(path, std::string(kPartialSuffix));
  absl::Status status = WriteOnto(partial, parts);
  if (status.ok() && std::rename(partial.c_str(), path.c_str()) != 0) {
    status = Failed(path, "cannot be written");
  }
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  return SyncDirectory(fs::path(path).parent_path().string());
}

absl::StatusOr<DirectoryLock> DirectoryLock::Acquire(const std::string& path) {
  if (absl::Status status = MakeDirectories(path); !status.ok()) return status;
  DirectoryLock lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.descriptor_ < 0) return Failed(path, "cannot be opened");
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return absl::UnavailableError(absl::StrCat(path, ": another process writes there"));
  }
  return Failed(path, "cannot be locked");
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace lathe
