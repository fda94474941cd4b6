// Child processes that do not outlive their purpose: each is the head of a process group of its
// own, dies with its parent, and is killed together with everything that it has started.
//
//   absl::StatusOr<ChildProcess> child = ChildProcess::Start({.program = "/usr/bin/sleep",
//                                                             .arguments = {"60"}});
//   child->KillTree();
#ifndef LATHE_PROCESS_CHILD_PROCESS_H_
#define LATHE_PROCESS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

struct ChildOptions {
  std::string program;                      // path; PATH is not searched
  std::vector<std::string> arguments = {};  // without the program
  // (descriptor here, number there); all others are closed in the child. Standard input is
  // /dev/null, standard output and error are inherited unless they are given here.
  std::vector<std::pair<int, int>> descriptors = {};
  // Sent to the child when the *thread* that calls Start ends, however that comes about; call Start
  // from a thread that lives as long as the process.
  int death_signal = 9;
};

// How a process ended.
struct ExitStatus {
  int code = 0;    // if it exited
  int signal = 0;  // if it was killed: the signal
  bool Clean() const { return code == 0 && signal == 0; }
  std::string Text() const;  // "exited with status 3", "was killed by signal 9 (Killed)"
};

// Not thread-safe; different ones may be used from different threads. Destruction kills the tree.
//
// The environment variable LATHE_PROCESS_TREE tells whose a process is, also one whose parent is
// gone (unless it has cleared its environment and left its group). Until KillTree the child stays a
// zombie once it has ended, so that its number, and that of its group, are nobody else's.
class ChildProcess {
 public:
  // Not found if the program cannot be started: the message names it and says why. Signals are as
  // at a program's start: none is blocked or ignored.
  static absl::StatusOr<ChildProcess> Start(const ChildOptions& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t Pid() const { return pid_; }
  // Nothing while it runs.
  std::optional<ExitStatus> Poll();
  ExitStatus Wait();
  // Whether it ended within the given time.
  bool WaitFor(double seconds);
  void Signal(int signal);  // to the child alone
  // SIGKILL to the child, its group and all their descendants, also those that have left the
  // group; reaps the child.
  void KillTree();

 private:
  ChildProcess(pid_t pid, std::string mark) : pid_(pid), mark_(std::move(mark)) {}
  bool Look(int options);

  pid_t pid_ = -1;    // -1: moved away
  std::string mark_;  // in the environment of the tree
  std::optional<ExitStatus> status_;
  bool reaped_ = false;
};

// Orphaned descendants become children of this process instead of init's, so that KillTree can reap
// them. Call once at the start of a program that runs children. From then on KillTree takes a
// zombie that is a child of this process, but neither a ChildProcess nor in this process's group,
// for such an orphan.
void AdoptOrphans();

}  // namespace lathe

#endif  // LATHE_PROCESS_CHILD_PROCESS_H_
