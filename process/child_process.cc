#include "process/child_process.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "process/process_table.h"
#include "process/spawn.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMaxScans = 5000;    // some 10 s: a process that the kernel holds cannot be killed
constexpr int kCleanScans = 2;     // processes that come and go may pass one by
constexpr int kMaxChanging = 100;  // scans: on some machines there is one that stays so
constexpr milliseconds kBetweenScans(2), kLongestPause(10);

// The children that a ChildProcess stands for. The lock is held from before one is started, so that
// what ReapOrphans finds is never a child that is about to be one.
struct Heads {
  std::mutex mutex;
  std::set<pid_t> pids;
};

Heads& AllHeads() {
  static Heads& heads = *new Heads;
  return heads;
}

// Below the mark of the tree that this process is in, if it is in one.
absl::StatusOr<std::string> NewMark() {
  char random[16];
  if (getentropy(random, sizeof(random)) != 0) {
    return absl::ErrnoToStatus(errno, "no random bytes");
  }
  const char* outer = getenv(kTreeVariable);
  return absl::StrCat(outer == nullptr ? "" : outer, outer == nullptr ? "" : "/",
                      absl::BytesToHexString({random, sizeof(random)}));
}

// Whether one of them may yet turn out to be of the tree.
bool AnyChanging(const std::vector<ProcessEntry>& processes) {
  return std::any_of(processes.begin(), processes.end(),
                     [](const ProcessEntry& entry) { return entry.changing; });
}

void KillAll(pid_t head, const std::string& mark) {
  // Once found, one is known by its number until it is gone: what ties it to the tree may go first.
  // A group keeps its number while it has members.
  std::set<pid_t> roots = {head};
  for (int scan = 0, clean = 0; scan < kMaxScans && clean < kCleanScans; ++scan) {
    if (scan > 0) std::this_thread::sleep_for(kBetweenScans);
    const std::vector<ProcessEntry> processes = ListProcesses();
    const std::set<pid_t> tree = FindTree(processes, roots, mark);
    const bool settled = scan >= kMaxChanging || !AnyChanging(processes);
    clean = tree.empty() && settled ? clean + 1 : 0;
    kill(-head, SIGKILL);
    for (const pid_t pid : tree) kill(pid, SIGKILL);
    std::set<pid_t> next = tree;
    next.insert(head);
    for (const ProcessEntry& entry : processes) {
      if (tree.contains(entry.pid) && roots.contains(entry.group)) next.insert(entry.group);
    }
    roots = std::move(next);
  }
}

// Of the ended children those that have become ours because their parent is gone.
void ReapOrphans(const std::set<pid_t>& heads) {
  int adopts = 0;
  if (prctl(PR_GET_CHILD_SUBREAPER, &adopts) != 0 || adopts == 0) return;
  for (const ProcessEntry& entry : ListProcesses()) {
    const bool ours = entry.parent == getpid() && entry.zombie;
    if (!ours || entry.group == getpgrp() || heads.contains(entry.pid)) continue;
    waitpid(entry.pid, nullptr, WNOHANG);
  }
}

}  // namespace

std::string ExitStatus::Text() const {
  if (signal == 0) return absl::StrCat("exited with status ", code);
  const char* name = sigdescr_np(signal);
  return absl::StrCat("was killed by signal ", signal, name == nullptr ? "" : " (",
                      name == nullptr ? "" : name, name == nullptr ? "" : ")");
}

absl::StatusOr<ChildProcess> ChildProcess::Start(const ChildOptions& options) {
  absl::StatusOr<std::string> mark = NewMark();
  if (!mark.ok()) return mark.status();
  const std::lock_guard lock(AllHeads().mutex);
  const absl::StatusOr<pid_t> pid = Spawn(options, *mark);
  if (!pid.ok()) return pid.status();
  AllHeads().pids.insert(*pid);
  return ChildProcess(*pid, *std::move(mark));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      mark_(std::move(other.mark_)),
      status_(other.status_),
      reaped_(other.reaped_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  KillTree();
  pid_ = std::exchange(other.pid_, -1);
  mark_ = std::move(other.mark_);
  status_ = other.status_;
  reaped_ = other.reaped_;
  return *this;
}

ChildProcess::~ChildProcess() {
  KillTree();
}

// Whether it has ended; it stays a zombie.
bool ChildProcess::Look(int options) {
  if (status_) return true;
  siginfo_t info = {};
  int result = 0;
  do {
    result = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | options);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    status_ = ExitStatus{-1, 0};  // somebody else has reaped it
  } else if (info.si_pid != 0) {
    const bool exited = info.si_code == CLD_EXITED;
    status_ = ExitStatus{exited ? info.si_status : 0, exited ? 0 : info.si_status};
  }
  return status_.has_value();
}

std::optional<ExitStatus> ChildProcess::Poll() {
  Look(WNOHANG);
  return status_;
}

ExitStatus ChildProcess::Wait() {
  Look(0);
  return *status_;
}

bool ChildProcess::WaitFor(double seconds) {
  const auto end = steady_clock::now() + std::chrono::duration<double>(seconds);
  for (milliseconds pause(1); !Look(WNOHANG); pause = std::min(2 * pause, kLongestPause)) {
    if (steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

void ChildProcess::Signal(int signal) {
  if (pid_ > 0 && !reaped_) kill(pid_, signal);
}

void ChildProcess::KillTree() {
  if (pid_ < 0 || reaped_) return;
  KillAll(pid_, mark_);
  Wait();
  const std::lock_guard lock(AllHeads().mutex);
  waitpid(pid_, nullptr, 0);
  reaped_ = true;
  AllHeads().pids.erase(pid_);
  ReapOrphans(AllHeads().pids);
}

void AdoptOrphans() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

}  // namespace lathe
