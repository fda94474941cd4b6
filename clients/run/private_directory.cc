#include "clients/run/private_directory.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "lathe-run-";
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;  // a zero ends it

// The process that a folder of this name belongs to.
std::optional<pid_t> OwnerOf(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || pid <= 0 || end == name.data() + name.size() || *end != '-') {
    return std::nullopt;
  }
  return pid;
}

// The locked folder; nothing if it is not ours alone or in use.
int Lock(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status = {};
  if (folder >= 0 && fstat(folder, &status) == 0 && status.st_uid == geteuid() &&
      flock(folder, LOCK_EX | LOCK_NB) == 0) {
    return folder;
  }
  if (folder >= 0) close(folder);
  return -1;
}

void Remove(const std::string& path, int lock) {
  std::error_code error;
  fs::remove_all(path, error);
  close(lock);
}

// The lock tells what the number of the process cannot: other containers count their own.
void RemoveAbandoned(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::optional<pid_t> owner = OwnerOf(entry->path().filename().native());
    if (!owner || kill(*owner, 0) == 0 || errno != ESRCH) continue;
    const std::string path = entry->path().string();
    if (const int lock = Lock(path); lock >= 0) Remove(path, lock);
  }
}

}  // namespace

absl::StatusOr<PrivateDirectory> PrivateDirectory::Create(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) RemoveAbandoned(folder);
  std::string problems;
  for (const std::string& folder : folders) {
    std::error_code error;
    std::string path = absl::StrCat(fs::absolute(folder, error).string(), "/", std::string(kPrefix),
                                    getpid(), "-XXXXXX");
    const size_t length = path.size() + std::strlen("/socket");
    if (length > kMaxSocketPath) {
      absl::StrAppend(&problems, "; ", folder, ": the path of a socket in it would have ", length,
                      " bytes, and the most is ", kMaxSocketPath);
      continue;
    }
    if (mkdtemp(path.data()) == nullptr) {
      absl::StrAppend(&problems, "; ", folder, ": ", std::strerror(errno));
      continue;
    }
    return PrivateDirectory(path, Lock(path));
  }
  return absl::UnavailableError("there is no folder for the socket and the logs of this run" +
                                problems);
}

PrivateDirectory::PrivateDirectory(PrivateDirectory&& other) noexcept
    : path_(std::exchange(other.path_, "")), lock_(std::exchange(other.lock_, -1)) {}

PrivateDirectory::~PrivateDirectory() {
  if (!path_.empty()) Remove(path_, lock_);
}

std::vector<std::string> TemporaryFolders() {
  std::vector<std::string> folders;
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    const char* folder = std::getenv(name);
    if (folder != nullptr && *folder != '\0') folders.push_back(folder);
  }
  folders.push_back("/tmp");
  return folders;
}

}  // namespace lathe
