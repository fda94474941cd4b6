// Turns the runs of Google Benchmark into figures: ratios of medians, both sides interleaved in one
// run, since the machines that run benchmarks are shared.
#ifndef LATHE_TESTS_BENCH_FIGURES_H_
#define LATHE_TESTS_BENCH_FIGURES_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lathe::bench {

// Median times by benchmark, in nanoseconds per iteration, and medians of counters.
using Medians = std::map<std::string, double>;

struct Figure {
  std::string name;
  std::string unit;
  std::function<double(const Medians&)> value;
};

// Time of `slow` over time of `fast`.
Figure Ratio(const std::string& name, const std::string& slow, const std::string& fast);

// How many things a benchmark does in a second, with so many in an iteration.
Figure PerSecond(const std::string& name, const std::string& benchmark, int per_iteration = 1);
// The same in a second of a core, for what runs on one thread: other processes do not count.
Figure PerCpuSecond(const std::string& name, const std::string& benchmark, int per_iteration = 1);

// A counter of a benchmark as it is.
Figure Counter(const std::string& name, const std::string& unit, const std::string& benchmark,
               const std::string& counter);

// Runs all registered benchmarks, prints the table, `notes` and a line `figure NAME VALUE UNIT` for
// each figure, and writes them to the file that --figures FILE names, a list of {name, value,
// unit}. Figures whose benchmarks were left out by a filter are left out too. The status of the
// process.
int RunBenchmarks(int argc, char** argv, const std::vector<Figure>& figures,
                  const std::vector<std::string>& notes);

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_FIGURES_H_
