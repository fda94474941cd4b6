#include "workers/evaluator_child.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "workers/evaluator_loop.h"
#include "workers/frame.h"

namespace lathe {
namespace {

// How long a process that has closed the connection is waited for.
constexpr std::chrono::milliseconds kTimeToEnd(2000);

absl::Status SystemError(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::generic_category().message(errno)));
}

FileDescriptor OpenProcess(pid_t pid) {
  return FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EvaluatorChild>> EvaluatorChild::Start(
    const std::string& program, const std::vector<std::string>& arguments) {
  std::array<int, 2> pair;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return SystemError("socketpair");
  }
  FileDescriptor ours(pair[0]), theirs(pair[1]);
  absl::StatusOr<ChildProcess> process =
      ChildProcess::Start({.program = program,
                           .arguments = arguments,
                           .descriptors = {{theirs.Number(), kEvaluatorSocket}}});
  if (!process.ok()) return process.status();
  FileDescriptor ended = OpenProcess(process->Pid());
  if (ended.Number() < 0) return SystemError("pidfd_open");
  return std::unique_ptr<EvaluatorChild>(
      new EvaluatorChild(*std::move(process), std::move(ours), std::move(ended)));
}

absl::StatusOr<v1::EvaluatorHello> EvaluatorChild::ReadHello(TimePoint deadline) {
  v1::FromEvaluator message;
  absl::Status status = ReadFrame(socket_.Number(), message, {deadline, ended_.Number()});
  if (!status.ok()) return status;
  if (!message.has_hello()) return absl::DataLossError("the first message is no hello");
  return std::move(*message.mutable_hello());
}

absl::Status EvaluatorChild::Send(const v1::EvaluatorBatch& batch, TimePoint deadline) {
  return WriteFrame(socket_.Number(), batch, {deadline, ended_.Number()});
}

absl::StatusOr<v1::EvaluatorResult> EvaluatorChild::ReadResult(TimePoint deadline) {
  v1::FromEvaluator message;
  absl::Status status = ReadFrame(socket_.Number(), message, {deadline, ended_.Number()});
  if (!status.ok()) return status;
  if (!message.has_result()) return absl::DataLossError("a message that is no result");
  return std::move(*message.mutable_result());
}

bool EvaluatorChild::EndsWithin(std::chrono::milliseconds time) const {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd polled = {ended_.Number(), POLLIN, 0};
    const int ready = poll(&polled, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

std::optional<ExitStatus> EvaluatorChild::End() {
  const bool by_itself = EndsWithin(kTimeToEnd);
  process_.KillTree();
  if (!by_itself) return std::nullopt;
  return process_.Wait();
}

void EvaluatorChild::Interrupt() {
  shutdown(socket_.Number(), SHUT_RDWR);
}

}  // namespace lathe
