// Signals as something to read in a poll loop.
#ifndef LATHE_CLIENTS_RUN_SIGNAL_DESCRIPTOR_H_
#define LATHE_CLIENTS_RUN_SIGNAL_DESCRIPTOR_H_

#include <signal.h>

#include <initializer_list>
#include <optional>

namespace lathe {

// Blocks the signals in the thread that makes it, and so in those that this thread starts
// afterwards. Signals that whoever has started this process wants ignored (nohup, a shell's
// background) stay ignored. Destruction lets them through again; those that were not read are
// dropped.
class SignalDescriptor {
 public:
  explicit SignalDescriptor(std::initializer_list<int> signals);
  SignalDescriptor(const SignalDescriptor&) = delete;
  SignalDescriptor& operator=(const SignalDescriptor&) = delete;
  ~SignalDescriptor();

  // Readable while a signal is there.
  int Descriptor() const { return descriptor_; }
  // The next one that is there; does not wait.
  std::optional<int> Next();

 private:
  sigset_t signals_, before_;
  int descriptor_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_SIGNAL_DESCRIPTOR_H_
