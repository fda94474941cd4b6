#include "workers/signal_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>

namespace lathe {
namespace {

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void BlockEndSignals() {
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

SignalWatch::SignalWatch(std::function<void(int count)> on_signal)
    : on_signal_(std::move(on_signal)) {
  const sigset_t signals = EndSignals();
  signals_ = FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC));
  finish_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { Watch(); });
}

SignalWatch::~SignalWatch() {
  eventfd_write(finish_.Number(), 1);
  thread_.join();
}

void SignalWatch::Watch() {
  int count = 0;
  while (true) {
    std::array<pollfd, 2> polled = {
        {{signals_.Number(), POLLIN, 0}, {finish_.Number(), POLLIN, 0}}};
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0) return;
    signalfd_siginfo info;
    if (polled[0].revents != 0 && read(signals_.Number(), &info, sizeof info) == sizeof info) {
      on_signal_(++count);
    }
  }
}

}  // namespace lathe
