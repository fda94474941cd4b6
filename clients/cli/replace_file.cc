#include "clients/cli/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "clients/report/atomic_file.h"

namespace lathe {
namespace {

bool WriteAll(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// As the file that it will replace: only root may give files away, so that may fail.
bool TakeAttributes(int descriptor, const struct stat& original) {
  if (fchown(descriptor, original.st_uid, original.st_gid) != 0 && errno != EPERM) return false;
  return fchmod(descriptor, original.st_mode & 07777) == 0;
}

bool WriteBeside(const std::string& path, std::string_view content, const struct stat& original,
                 const std::string& partial) {
  const int descriptor = open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return false;
  bool good = WriteAll(descriptor, content) && TakeAttributes(descriptor, original) &&
              fsync(descriptor) == 0;
  const int why = errno;
  close(descriptor);
  if (!good) errno = why;
  good = good && rename(partial.c_str(), path.c_str()) == 0;
  if (good) return true;
  const int error = errno;
  unlink(partial.c_str());
  errno = error;
  return false;
}

absl::Status CannotWrite(const std::string& path, const std::string& why) {
  return absl::UnavailableError(absl::StrCat(path, ": cannot be changed: ", why));
}

}  // namespace

absl::Status ReplaceFile(const std::string& path, std::string_view content) {
  std::error_code error;
  const std::string target = std::filesystem::canonical(path, error).string();
  if (error) return CannotWrite(path, error.message());
  struct stat original;
  if (stat(target.c_str(), &original) != 0) {
    return CannotWrite(path, std::generic_category().message(errno));
  }
  if (!S_ISREG(original.st_mode)) return CannotWrite(path, "it is not a regular file");
  if (access(target.c_str(), W_OK) == 0 &&
      WriteBeside(target, content, original, PartialName(target))) {
    return absl::OkStatus();
  }
  return CannotWrite(path, std::generic_category().message(errno));
}

}  // namespace lathe
