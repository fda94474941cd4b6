#include "server/listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

absl::Status Refuse(const Address& address, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat(address.Text(), " ", why));
}

std::string Reason(int error) {
  return std::generic_category().message(error);
}

std::string LockPath(const std::string& path) {
  return path + ".lock";
}

absl::Status RefuseFolder(const Address& address, int error) {
  const std::string folder = std::filesystem::path(address.path).parent_path().string();
  if (error == ENOENT || error == ENOTDIR) {
    return Refuse(address, absl::StrCat("cannot be used: there is no folder ", folder));
  }
  return Refuse(address, absl::StrCat("cannot be used: ", LockPath(address.path),
                                      " cannot be opened for writing: ", Reason(error)));
}

// Whether the file that the descriptor is of still has this name.
bool HasName(int file, const std::string& path) {
  struct stat ours = {}, named = {};
  return fstat(file, &ours) == 0 && lstat(path.c_str(), &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

absl::Status Lock(const Address& address, int file) {
  struct stat found = {};
  if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > 0) {
    return Refuse(address, absl::StrCat("cannot be used: ", LockPath(address.path),
                                        " is not the lock of a server; remove it or choose "
                                        "another path"));
  }
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno == EWOULDBLOCK) return Refuse(address, "is in use by another server");
  return Refuse(address, absl::StrCat("cannot be locked: ", Reason(errno)));
}

// The descriptor of the lock file, locked.
absl::StatusOr<int> TakeLock(const Address& address) {
  const std::string path = LockPath(address.path);
  while (true) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return RefuseFolder(address, errno);
    const absl::Status status = Lock(address, file);
    if (status.ok() && HasName(file, path)) return file;
    close(file);
    if (!status.ok()) return status;
    // Its last owner has removed it after we had opened it: that lock keeps nobody away.
  }
}

void ReleaseLock(const std::string& path, int file) {
  // While it is still locked, so that it is not the next owner's.
  unlink(LockPath(path).c_str());
  close(file);
}

std::string KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISREG(mode)) return "a file";
  return S_ISFIFO(mode) ? "a pipe" : "a device";
}

// 0 if somebody accepts connections there, else what keeps us from connecting.
int TryToConnect(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return errno;
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const bool connected =
      connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
  const int error = connected ? 0 : errno;
  close(socket);
  return error == EAGAIN ? 0 : error;  // it has more callers than it can take
}

absl::Status RemoveStaleSocket(const Address& address) {
  struct stat found = {};
  if (lstat(address.path.c_str(), &found) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return Refuse(address, absl::StrCat("cannot be used: ", Reason(errno)));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return Refuse(address, absl::StrCat("is ", KindOf(found.st_mode),
                                        ", not a socket; remove it or choose another path"));
  }
  const int error = TryToConnect(address.path);
  if (error == 0) return Refuse(address, "is in use by another program");
  if (error != ECONNREFUSED && error != ENOENT) {
    return Refuse(address, absl::StrCat("is a socket of something else: ", Reason(error)));
  }
  if (unlink(address.path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return Refuse(address, absl::StrCat("is left over and cannot be removed: ", Reason(errno)));
}

// Binds a socket to the port, as it is only while nobody listens there, and lets go of it.
int TryToBind(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  const int socket = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno;
  // Connections that have just ended do not count.
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in v4_name = {};
  sockaddr_in6 v6_name = {};
  v4_name.sin_family = AF_INET;
  v6_name.sin6_family = AF_INET6;
  v4_name.sin_port = v6_name.sin6_port = htons(static_cast<uint16_t>(address.port));
  inet_pton(AF_INET, address.host.c_str(), &v4_name.sin_addr);
  inet_pton(AF_INET6, address.host.c_str(), &v6_name.sin6_addr);
  const int result =
      v6 ? bind(socket, reinterpret_cast<const sockaddr*>(&v6_name), sizeof(v6_name))
         : bind(socket, reinterpret_cast<const sockaddr*>(&v4_name), sizeof(v4_name));
  const int error = result == 0 ? 0 : errno;
  close(socket);
  return error;
}

}  // namespace

ListenLock::ListenLock(ListenLock&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

ListenLock& ListenLock::operator=(ListenLock&& other) noexcept {
  if (this == &other) return *this;
  Release();
  path_ = std::move(other.path_);
  lock_ = std::exchange(other.lock_, -1);
  return *this;
}

ListenLock::~ListenLock() {
  Release();
}

void ListenLock::Release() {
  if (lock_ < 0) return;
  struct stat found = {};
  if (lstat(path_.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) unlink(path_.c_str());
  ReleaseLock(path_, std::exchange(lock_, -1));
}

absl::StatusOr<ListenLock> PrepareToListen(const Address& address) {
  if (address.kind == Address::Kind::kUnix) {
    const absl::StatusOr<int> file = TakeLock(address);
    if (!file.ok()) return file.status();
    absl::Status status = RemoveStaleSocket(address);
    if (status.ok()) return ListenLock(address.path, *file);
    ReleaseLock(address.path, *file);
    return status;
  }
  const int error = TryToBind(address);
  if (error == 0) return ListenLock("", -1);
  if (error == EADDRINUSE) return Refuse(address, "is in use by another server or program");
  return Refuse(address, absl::StrCat("cannot be used: ", Reason(error)));
}

}  // namespace lathe
