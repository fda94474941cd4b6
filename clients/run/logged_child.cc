#include "clients/run/logged_child.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "clients/run/log_tail.h"

namespace lathe {

absl::StatusOr<ChildProcess> StartLogged(const LoggedCommand& command, int output) {
  const int log = open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return absl::UnavailableError(command.log + ": " + std::strerror(errno));
  auto child = ChildProcess::Start(
      {.program = command.program,
       .arguments = command.arguments,
       .descriptors = {{output < 0 ? log : output, STDOUT_FILENO}, {log, STDERR_FILENO}}});
  close(log);
  return child;
}

absl::Status EndedError(const std::string& name, const ExitStatus& end, const std::string& log) {
  return absl::UnavailableError(absl::StrCat(name, " ", end.Text(), LogTail(log)));
}

}  // namespace lathe
