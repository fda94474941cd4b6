#include "tests/bench/machine.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace lathe::bench {

namespace {

cpu_set_t OwnCores() {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof(cores), &cores);
  return cores;
}

}  // namespace

OnCore::OnCore(int number) : before_(OwnCores()) {
  static const cpu_set_t all = before_;  // of the first, so that one may be inside another
  int left = number % CPU_COUNT(&all);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &all) || left-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

OnCore::~OnCore() {
  sched_setaffinity(0, sizeof(before_), &before_);
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = std::filesystem::temp_directory_path() / "lathe-bench-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) std::perror(path_.c_str());
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<OwnProcess> OwnProcess::Start(const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError("there is no pipe");
  ChildOptions options;
  options.program = std::filesystem::read_symlink("/proc/self/exe");
  options.arguments = arguments;
  options.descriptors = {{ends[1], STDOUT_FILENO}};
  auto child = ChildProcess::Start(options);
  close(ends[1]);
  if (child.ok()) return OwnProcess(*std::move(child), ends[0]);
  close(ends[0]);
  return child.status();
}

absl::StatusOr<nlohmann::json> OwnProcess::Result() {
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(output_, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(count));
  }
  close(output_);
  const ExitStatus status = child_.Wait();
  if (!status.Clean()) return absl::InternalError(absl::StrCat("a process ", status.Text()));
  auto result = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (result.is_discarded()) return absl::InternalError("a process told nothing");
  return result;
}

int Tell(const absl::StatusOr<nlohmann::json>& result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    return 1;
  }
  std::printf("%s\n", result->dump().c_str());
  return 0;
}

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

double ProcessCpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace lathe::bench
