#include "clients/cli/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>

namespace lathe {

Interrupt::Interrupt() {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  // Threads that start from now on inherit the mask, so the signal stays for the descriptor.
  pthread_sigmask(SIG_BLOCK, &interrupt, &former_mask_);
  signals_ = signalfd(-1, &interrupt, SFD_CLOEXEC);
  stop_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { Listen(); });
}

Interrupt::~Interrupt() {
  eventfd_write(stop_, 1);
  thread_.join();
  close(signals_);
  close(stop_);
  pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

bool Interrupt::Happened() const {
  std::lock_guard lock(mutex_);
  return happened_;
}

bool Interrupt::WaitFor(double seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                           [this] { return happened_; });
}

void Interrupt::SetAction(std::function<void()> action) {
  std::lock_guard lock(mutex_);
  action_ = std::move(action);
  if (happened_ && action_) action_();
}

void Interrupt::Listen() {
  pollfd descriptors[] = {{signals_, POLLIN, 0}, {stop_, POLLIN, 0}};
  while (true) {
    if (poll(descriptors, 2, -1) < 0) continue;  // EINTR
    if (descriptors[1].revents != 0) return;
    signalfd_siginfo signal;
    if (read(signals_, &signal, sizeof signal) != sizeof signal) continue;
    std::lock_guard lock(mutex_);
    if (happened_) _exit(130);
    happened_ = true;
    if (action_) action_();
    changed_.notify_all();
  }
}

}  // namespace lathe
