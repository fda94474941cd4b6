#include "tests/bench/figures.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace lathe::bench {
namespace {

// A counter that every benchmark has, in nanoseconds per iteration.
constexpr char kCpuTime[] = "cpu_time";

// Among the medians; no benchmark has a slash in its name.
std::string CounterKey(const std::string& benchmark, const std::string& counter) {
  return benchmark + "/" + counter;
}

class Collector : public benchmark::ConsoleReporter {
 public:
  // Without colours, whose ends would stand before the first figure.
  Collector() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> shown;
    for (const Run& run : runs) {
      if (run.error_occurred) {
        shown.push_back(run);
      } else if (run.run_type == Run::RT_Iteration) {
        const std::string& name = run.run_name.function_name;
        values_[name].push_back(run.GetAdjustedRealTime());
        values_[CounterKey(name, kCpuTime)].push_back(run.GetAdjustedCPUTime());
        for (const auto& [counter, value] : run.counters) {
          values_[CounterKey(name, counter)].push_back(value.value);
        }
      } else if (run.aggregate_name == "median") {
        shown.push_back(run);
      }
    }
    if (!shown.empty()) ConsoleReporter::ReportRuns(shown);
  }

  Medians Result() {
    Medians medians;
    for (auto& [name, values] : values_) {
      std::sort(values.begin(), values.end());
      medians[name] = values[values.size() / 2];
    }
    return medians;
  }

 private:
  std::map<std::string, std::vector<double>> values_;
};

// Takes "--figures FILE" out of the arguments.
std::string TakeFile(std::vector<char*>& arguments) {
  for (size_t i = 1; i + 1 < arguments.size(); ++i) {
    if (std::strcmp(arguments[i], "--figures") != 0) continue;
    std::string file = arguments[i + 1];
    arguments.erase(arguments.begin() + i, arguments.begin() + i + 2);
    return file;
  }
  return "";
}

}  // namespace

Figure PerSecond(const std::string& name, const std::string& benchmark, int per_iteration) {
  return {name, "1/s", [benchmark, per_iteration](const Medians& medians) {
            const auto found = medians.find(benchmark);
            return found == medians.end() ? std::nan("") : per_iteration * 1e9 / found->second;
          }};
}

Figure PerCpuSecond(const std::string& name, const std::string& benchmark, int per_iteration) {
  return PerSecond(name, CounterKey(benchmark, kCpuTime), per_iteration);
}

Figure Ratio(const std::string& name, const std::string& slow, const std::string& fast) {
  return {name, "ratio", [slow, fast](const Medians& medians) {
            const auto above = medians.find(slow), below = medians.find(fast);
            if (above == medians.end() || below == medians.end()) return std::nan("");
            return above->second / below->second;
          }};
}

Figure Counter(const std::string& name, const std::string& unit, const std::string& benchmark,
               const std::string& counter) {
  return {name, unit, [key = CounterKey(benchmark, counter)](const Medians& medians) {
            const auto found = medians.find(key);
            return found == medians.end() ? std::nan("") : found->second;
          }};
}

int RunBenchmarks(int argc, char** argv, const std::vector<Figure>& figures,
                  const std::vector<std::string>& notes) {
  static char repetitions[] = "--benchmark_repetitions=9";
  static char interleaved[] = "--benchmark_enable_random_interleaving=true";
  static char minimum[] = "--benchmark_min_time=0.02";
  std::vector<char*> arguments = {argv[0], repetitions, interleaved, minimum};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  const std::string file = TakeFile(arguments);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  const Medians medians = collector.Result();
  for (const std::string& note : notes) std::printf("%s\n", note.c_str());
  nlohmann::json list = nlohmann::json::array();
  for (const Figure& figure : figures) {
    const double value = figure.value(medians);
    if (!std::isfinite(value)) continue;
    std::printf("figure %s %.4g %s\n", figure.name.c_str(), value, figure.unit.c_str());
    list.push_back({{"name", figure.name}, {"value", value}, {"unit", figure.unit}});
  }
  if (file.empty()) return 0;
  std::ofstream out(file);
  out << list.dump(2) << "\n";
  return out.good() ? 0 : 1;
}

}  // namespace lathe::bench
