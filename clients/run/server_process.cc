#include "clients/run/server_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lathe {

ServerProcess::~ServerProcess() {
  CloseOutput();
}

absl::Status ServerProcess::Start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return absl::UnavailableError(std::string("no pipe: ") + std::strerror(errno));
  }
  output_ = ends[0];
  fcntl(ends[1], F_SETFL, 0);  // the server's end waits, as programs expect it
  auto child = StartLogged(command_, ends[1]);
  close(ends[1]);
  if (!child.ok()) return child.status();
  child_.emplace(*std::move(child));
  return absl::OkStatus();
}

absl::Status ServerProcess::Update() {
  ReadOutput();
  if (Running()) return absl::OkStatus();
  if (!child_) return absl::UnavailableError("the server has been killed");
  return EndedError(serving_ ? "the server" : "the server did not start: it", *child_->Poll(),
                    command_.log);
}

void ServerProcess::ReadOutput() {
  char buffer[256];
  while (output_ >= 0) {
    const ssize_t bytes = read(output_, buffer, sizeof buffer);
    if (bytes < 0) {
      if (errno == EINTR) continue;
      return;
    }
    said_.append(buffer, static_cast<size_t>(bytes));
    const size_t line = said_.find('\n');
    if (line != std::string::npos) {
      serving_ = true;
      said_.resize(line);
    }
    // It has nothing to say after that line.
    if (serving_ || bytes == 0) CloseOutput();
  }
}

void ServerProcess::CloseOutput() {
  if (output_ >= 0) close(output_);
  output_ = -1;
}

bool ServerProcess::Running() {
  return child_ && !child_->Poll();
}

void ServerProcess::Signal(int signal) {
  if (Running()) child_->Signal(signal);
}

void ServerProcess::Kill() {
  if (child_) child_->KillTree();
  child_.reset();
}

}  // namespace lathe
