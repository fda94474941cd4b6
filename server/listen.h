// Makes an address ours before a server binds it. gRPC alone would remove the socket of a server
// that is alive, and share a port with it.
//
//   absl::StatusOr<ListenLock> lock = PrepareToListen(address);
//   if (!lock.ok()) return lock.status();
//   ... a gRPC server that listens at address.Target(), and ends before the lock ...
#ifndef LATHE_SERVER_LISTEN_H_
#define LATHE_SERVER_LISTEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "rpc/address.h"

namespace lathe {

// Keeps other servers away from a unix socket, through a lock on PATH.lock. Destruction removes the
// socket and that file. Of a port there is nothing to keep. Not thread-safe.
class ListenLock {
 public:
  ListenLock(ListenLock&& other) noexcept;
  ListenLock& operator=(ListenLock&& other) noexcept;
  ~ListenLock();

 private:
  friend absl::StatusOr<ListenLock> PrepareToListen(const Address& address);
  ListenLock(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  void Release();

  std::string path_;  // of the socket
  int lock_ = -1;     // descriptor; -1: nothing is held
};

// Failed precondition, and the message says why, if another server or program is there, if
// something that is no socket has the socket's name, or if its folder cannot be written to. Removes
// a socket at which nobody listens, and nothing else.
absl::StatusOr<ListenLock> PrepareToListen(const Address& address);

}  // namespace lathe

#endif  // LATHE_SERVER_LISTEN_H_
