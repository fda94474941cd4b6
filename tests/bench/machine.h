// What the benchmarks of the server ask of the machine: cores, a directory, processes, memory.
#ifndef LATHE_TESTS_BENCH_MACHINE_H_
#define LATHE_TESTS_BENCH_MACHINE_H_

#include <sched.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "process/child_process.h"

namespace lathe::bench {

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Keeps this thread, and all threads and processes that it starts meanwhile, on one core: the one
// with that number among those that this process was given, counted round.
class OnCore {
 public:
  explicit OnCore(int number);
  ~OnCore();
  OnCore(const OnCore&) = delete;
  OnCore& operator=(const OnCore&) = delete;

 private:
  cpu_set_t before_;
};

// Gone with all that is in it once this is destroyed. It is made below TMPDIR: what syncs cost
// depends on the disk that is there.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& Path() const { return path_; }

 private:
  std::string path_;
};

// This program again, in a process of its own that tells one JSON value at its end.
class OwnProcess {
 public:
  static absl::StatusOr<OwnProcess> Start(const std::vector<std::string>& arguments);
  // Waits for its end. An error if it failed.
  absl::StatusOr<nlohmann::json> Result();

 private:
  OwnProcess(ChildProcess child, int output) : child_(std::move(child)), output_(output) {}
  ChildProcess child_;
  int output_;  // closed by Result
};
// The other side: what such a process tells. The status of the process.
int Tell(const absl::StatusOr<nlohmann::json>& result);

// Of this process: what it has of the memory, and what its threads have used of processors.
uint64_t ResidentBytes();
double ProcessCpuSeconds();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_MACHINE_H_
