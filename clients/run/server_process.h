// lathe-server as a child process.
#ifndef LATHE_CLIENTS_RUN_SERVER_PROCESS_H_
#define LATHE_CLIENTS_RUN_SERVER_PROCESS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "clients/run/logged_child.h"

namespace lathe {

// Nothing waits. Start and Update are called from the main thread.
class ServerProcess {
 public:
  explicit ServerProcess(LoggedCommand command) : command_(std::move(command)) {}
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  absl::Status Start();
  // Reads what it says. Unavailable, with the end of its log, once it has ended.
  absl::Status Update();

  // Readable once it has something to say; -1 where that is over.
  int Descriptor() const { return output_; }
  bool Serving() const { return serving_; }
  // The line it printed once it served.
  const std::string& Announcement() const { return said_; }

  bool Running();
  void Signal(int signal);
  void Kill();

 private:
  void ReadOutput();
  void CloseOutput();

  const LoggedCommand command_;
  std::optional<ChildProcess> child_;  // reset once it has been killed
  int output_ = -1;
  bool serving_ = false;
  std::string said_;  // without the newline
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_SERVER_PROCESS_H_
