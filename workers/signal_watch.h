// Signals that ask a program to end, taken by a thread instead of a handler.
#ifndef LATHE_WORKERS_SIGNAL_WATCH_H_
#define LATHE_WORKERS_SIGNAL_WATCH_H_

#include <csignal>
#include <functional>
#include <thread>

#include "workers/file_descriptor.h"

namespace lathe {

// Blocks SIGTERM and SIGINT for the calling thread and those that it starts. Call it first thing,
// so that they reach nobody but a SignalWatch.
void BlockEndSignals();

// Calls `on_signal` with the count of the signals so far, from 1 on, on a thread of its own.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void(int count)> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void Watch();

  std::function<void(int)> on_signal_;
  FileDescriptor signals_, finish_;
  std::thread thread_;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_SIGNAL_WATCH_H_
