#include "process/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "process/process_table.h"

namespace lathe {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int Number() const { return number_; }
  void Close() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

std::vector<std::string> Environment(const std::string& mark) {
  const std::string ours = absl::StrCat(kTreeVariable, "=");
  std::vector<std::string> environment = {absl::StrCat(ours, mark)};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(ours)) environment.emplace_back(*entry);
  }
  return environment;
}

// The way from fork to exec. Another thread may have held any lock when this process was copied, so
// on that way nothing is called that is not safe in a signal handler: no memory is allocated.
class Launch {
 public:
  Launch(const ChildOptions& options, const std::string& mark, int null)
      : program_(options.program),
        arguments_(options.arguments),
        environment_(Environment(mark)),
        descriptors_(options.descriptors),
        death_signal_(options.death_signal) {
    arguments_.insert(arguments_.begin(), program_);
    argument_pointers_ = Pointers(arguments_);
    environment_pointers_ = Pointers(environment_);
    const bool has_input = std::any_of(descriptors_.begin(), descriptors_.end(),
                                       [](const auto& pair) { return pair.second == 0; });
    if (!has_input) descriptors_.emplace_back(null, 0);
    for (const auto& [here, there] : descriptors_) free_ = std::max(free_, there + 1);
  }

  // Writes to `report` why it failed, if it did.
  [[noreturn]] void Run(int report) {
    // Where the numbers that are wanted cannot meet it.
    report = fcntl(report, F_DUPFD_CLOEXEC, free_);
    if (Join() && MoveDescriptors()) {
      ResetSignals();
      execve(program_.c_str(), argument_pointers_.data(), environment_pointers_.data());
    }
    const int error = errno;
    if (write(report, &error, sizeof(error)) < 0) _exit(126);
    _exit(127);
  }

 private:
  static std::vector<char*> Pointers(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
  }

  // A group of its own, and an end with its parent, which may have ended already.
  bool Join() const {
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, death_signal_) != 0) return false;
    if (getppid() != parent_) _exit(127);
    return true;
  }

  bool MoveDescriptors() {
    for (auto& [here, there] : descriptors_) {
      here = fcntl(here, F_DUPFD_CLOEXEC, free_);
      if (here < 0) return false;
    }
    CloseOthersAtExec();
    return std::all_of(descriptors_.begin(), descriptors_.end(),
                       [](const auto& pair) { return dup2(pair.first, pair.second) >= 0; });
  }

  void CloseOthersAtExec() const {
    if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return;
    for (int number = 3; number < most_descriptors_; ++number) fcntl(number, F_SETFD, FD_CLOEXEC);
  }

  static void ResetSignals() {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  std::string program_;
  std::vector<std::string> arguments_, environment_;
  std::vector<char*> argument_pointers_, environment_pointers_;
  std::vector<std::pair<int, int>> descriptors_;
  const int death_signal_;
  const pid_t parent_ = getpid();
  const int most_descriptors_ = static_cast<int>(sysconf(_SC_OPEN_MAX));
  int free_ = 3;  // no number from here on is wanted in the child
};

// Blocked, so that none of our handlers runs in the child before it has become the program.
pid_t ForkWithSignalsBlocked() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) return 0;
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// What the child has reported; 0 if it runs the program.
int ReadError(int report) {
  int error = 0;
  ssize_t count = 0;
  do {
    count = read(report, &error, sizeof(error));
  } while (count < 0 && errno == EINTR);
  return count == sizeof(error) ? error : 0;
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const ChildOptions& options, const std::string& mark) {
  const auto failed = [&options](int error) {
    return absl::StrCat(options.program,
                        " cannot be started: ", std::generic_category().message(error));
  };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ResourceExhaustedError(failed(errno));
  Descriptor reading(ends[0]), writing(ends[1]);
  const Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Launch launch(options, mark, null.Number());
  const pid_t pid = ForkWithSignalsBlocked();
  if (pid == 0) launch.Run(writing.Number());
  if (pid < 0) return absl::ResourceExhaustedError(failed(errno));
  writing.Close();
  const int error = ReadError(reading.Number());
  if (error == 0) return pid;
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return absl::NotFoundError(failed(error));
}

}  // namespace lathe
