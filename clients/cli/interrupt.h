// Ctrl-C as something to wait for.
#ifndef LATHE_CLIENTS_CLI_INTERRUPT_H_
#define LATHE_CLIENTS_CLI_INTERRUPT_H_

#include <condition_variable>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace lathe {

// While it lives, Ctrl-C (SIGINT) does not end the process; a second one does, with status 130.
// Construct it before any other thread starts. Thread-safe.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool Happened() const;
  // Waits until Ctrl-C or for the given time; whether it has happened.
  bool WaitFor(double seconds);
  // `action` is called on another thread at Ctrl-C, and at once if that has happened. It replaces
  // the last one, which is not called any more once this returns; null for none.
  void SetAction(std::function<void()> action);

 private:
  void Listen();

  sigset_t former_mask_;
  int signals_ = -1, stop_ = -1;  // descriptors
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool happened_ = false;
  std::function<void()> action_;
  std::thread thread_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_INTERRUPT_H_
