// Child processes whose messages go to a file.
#ifndef LATHE_CLIENTS_RUN_LOGGED_CHILD_H_
#define LATHE_CLIENTS_RUN_LOGGED_CHILD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "process/child_process.h"

namespace lathe {

struct LoggedCommand {
  std::string program;  // path
  std::vector<std::string> arguments;
  std::string log;  // path; what it writes to standard error is added there
};

// Standard output goes to the descriptor `output`; if it is -1, to the log as well. Call it from
// the main thread (see ChildOptions::death_signal).
absl::StatusOr<ChildProcess> StartLogged(const LoggedCommand& command, int output = -1);

// "NAME exited with status 3; the end of its log: ..."
absl::Status EndedError(const std::string& name, const ExitStatus& end, const std::string& log);

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_LOGGED_CHILD_H_
