// A runner with the evaluator process that fails on request, for its tests.
#ifndef LATHE_WORKERS_TESTING_CHILD_BATCH_RUNNER_FIXTURE_H_
#define LATHE_WORKERS_TESTING_CHILD_BATCH_RUNNER_FIXTURE_H_

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "evaluators/testing/synthetic_evaluator.h"
#include "workers/child_batch_runner.h"
#include "workers/testing/items.h"

namespace lathe {

inline constexpr double kNotSoon = 100;  // s, far beyond what a test may take

// Waits for something that another process does.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class ChildBatchRunnerTest : public testing::Test {
 protected:
  ChildBatchRunnerTest() {
    std::string pattern = testing::TempDir() + "/lathe-runner-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    spdlog::set_level(spdlog::level::off);
  }
  ~ChildBatchRunnerTest() override { std::filesystem::remove_all(folder_); }

  // Of the synthetic evaluator, which logs what it evaluates.
  ChildBatchRunnerOptions Options(std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--log", Log()});
    return {.program = LATHE_EVALUATOR_SYNTHETIC, .arguments = std::move(flags)};
  }

  // Another program in its place.
  std::string Script(const std::string& text) {
    const std::filesystem::path path = folder_ / "script";
    std::ofstream(path) << "#!/bin/bash\n" << text << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  std::string Log() const { return folder_ / "log"; }

  std::vector<std::string> Lines(const std::string& path) const {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  // How often an item was started.
  size_t Starts(const v1::EvaluatorItem& item) const {
    const std::vector<std::string> lines = Lines(Log());
    return static_cast<size_t>(std::count(lines.begin(), lines.end(), item.item().program_hash()));
  }

  absl::Status Run(ChildBatchRunner& runner, const std::vector<v1::EvaluatorItem>& items) {
    return runner.Run(items, [this](uint64_t id, v1::ItemResult result) {
      EXPECT_FALSE(results_.contains(id)) << "told twice";
      results_[id] = std::move(result);
    });
  }

  // Every item has the scores it would have alone, but for those in `culprits`.
  void ExpectScores(const std::vector<v1::EvaluatorItem>& items,
                    const std::vector<uint64_t>& culprits = {}) {
    SyntheticEvaluator evaluator;
    for (const v1::EvaluatorItem& item : items) {
      if (std::count(culprits.begin(), culprits.end(), item.id()) > 0) continue;
      ASSERT_TRUE(results_.contains(item.id())) << item.id();
      const v1::ItemResult& result = results_[item.id()];
      ASSERT_EQ(result.scores().seeds_size(), 1) << item.id() << result.ShortDebugString();
      const double expected =
          evaluator
              .Evaluate(ScaledGradient(static_cast<double>(item.id()) + 1).program,
                        item.item().task(), 0, Measure::kValidation)
              ->objective;
      EXPECT_EQ(result.scores().seeds(0).objective(), expected);
    }
    EXPECT_EQ(results_.size(), items.size());
  }

  // Whether the process that a test evaluator left behind is there.
  static bool Lives(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    return (file >> number >> name >> state) && state != "Z";
  }

  std::filesystem::path folder_;
  std::map<uint64_t, v1::ItemResult> results_;
};

// Items 1 .. count, of different programs.
inline std::vector<v1::EvaluatorItem> Numbered(int count, double allowance = kNotSoon) {
  std::vector<v1::EvaluatorItem> items;
  for (int id = 1; id <= count; ++id) {
    items.push_back(NumberedItem(id, ItemFor(ScaledGradient(id + 1), allowance)));
  }
  return items;
}

inline std::string Flag(const std::string& flag, const v1::EvaluatorItem& item) {
  return "--" + flag + "=" + item.item().program_hash();
}

}  // namespace lathe

#endif  // LATHE_WORKERS_TESTING_CHILD_BATCH_RUNNER_FIXTURE_H_
