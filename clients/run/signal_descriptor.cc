#include "clients/run/signal_descriptor.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace lathe {

SignalDescriptor::SignalDescriptor(std::initializer_list<int> signals) {
  sigemptyset(&signals_);
  for (const int signal : signals) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    // A blocked signal would be queued even though it is ignored.
    if (signal == SIGCHLD || action.sa_handler != SIG_IGN) sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  descriptor_ = signalfd(-1, &signals_, SFD_NONBLOCK | SFD_CLOEXEC);
}

SignalDescriptor::~SignalDescriptor() {
  while (Next()) {
  }
  close(descriptor_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalDescriptor::Next() {
  signalfd_siginfo signal = {};
  if (read(descriptor_, &signal, sizeof signal) != sizeof signal) return std::nullopt;
  return static_cast<int>(signal.ssi_signo);
}

}  // namespace lathe
