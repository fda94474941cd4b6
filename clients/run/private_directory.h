// A folder of one run, for its socket, its logs and, unless the user names another place, its
// store.
#ifndef LATHE_CLIENTS_RUN_PRIVATE_DIRECTORY_H_
#define LATHE_CLIENTS_RUN_PRIVATE_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

// Only its owner can enter it. It is locked while it is in use, and destruction removes it with all
// that is in it.
class PrivateDirectory {
 public:
  // Makes "lathe-run-PID-XXXXXX" in the first of the folders that is there, can be written, and
  // gives a socket in it a path that the system takes (107 bytes). Removes what earlier runs that
  // were killed have left in these folders.
  static absl::StatusOr<PrivateDirectory> Create(const std::vector<std::string>& folders);

  PrivateDirectory(PrivateDirectory&& other) noexcept;
  PrivateDirectory& operator=(PrivateDirectory&&) = delete;
  ~PrivateDirectory();

  const std::string& Path() const { return path_; }
  std::string SocketPath() const { return path_ + "/socket"; }

 private:
  PrivateDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;  // absolute; empty if it has been moved away
  int lock_;
};

// Where a run of this user may put its folder: $XDG_RUNTIME_DIR, $TMPDIR, /tmp.
std::vector<std::string> TemporaryFolders();

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_PRIVATE_DIRECTORY_H_
