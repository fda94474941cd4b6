#include "search/drive.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

// Finishes what was submitted last first, and fails at a chosen take.
class LastFirstPool {
 public:
  struct Finished {
    uint64_t id;
    absl::StatusOr<EvaluationResult> result;
  };

  explicit LastFirstPool(int fail_at = -1) : fail_at_(fail_at) {}

  void Submit(uint64_t id, const EvaluationRequest& request) {
    requests_.emplace_back(id, ByFactor(request));
    requests_.back().second.resize(2);
  }
  Finished Take() {
    if (takes_++ == fail_at_) return {0, absl::CancelledError("the job was cancelled")};
    Finished finished{requests_.back().first, requests_.back().second};
    requests_.pop_back();
    return finished;
  }

 private:
  const int fail_at_;
  int takes_ = 0;
  std::vector<std::pair<uint64_t, EvaluationResult>> requests_;
};

TEST(DriveTest, RunsToTheEndAndCounts) {
  Script script;
  script.programs = Programs("nnnrdnn");
  Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
  LastFirstPool pool;
  int progress = 0;
  auto result = Drive(trajectory, pool, [&] { ++progress; });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "end of the script");
  EXPECT_EQ(result->completions, 5u);
  EXPECT_EQ(result->training_runs, 10u);
  // Slots 2, 1 and 0, then 4 and 3.
  EXPECT_EQ(result->out_of_order, 3u);
  EXPECT_EQ(progress, 5);
  EXPECT_EQ(trajectory.Count().evaluated, 5u);
}

// What passes a hurdle comes back a second time, in its order.
TEST(DriveTest, OrderIsThatOfSubmissions) {
  class FirstFirstPool {
   public:
    void Submit(uint64_t id, const EvaluationRequest& request) {
      requests_.push_back({id, EvaluationResult(request.seeds.size(), {false, 1, 0, 0})});
    }
    LastFirstPool::Finished Take() {
      LastFirstPool::Finished finished{requests_.front().first, requests_.front().second};
      requests_.pop_front();
      return finished;
    }

   private:
    std::deque<std::pair<uint64_t, EvaluationResult>> requests_;
  };
  Script script;
  script.programs = Programs("nnnnnn");
  TrajectoryOptions options = WithWindow(3);
  options.hurdles = {{.arena = 1, .seeds = {0}}};
  Trajectory trajectory(options, std::make_unique<Scripted>(script), DefaultFilters());
  FirstFirstPool pool;
  auto result = Drive(trajectory, pool, [] {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->completions, 12u);
  EXPECT_EQ(result->out_of_order, 0u);
}

// What machines could not evaluate is told as such; the search goes on.
TEST(DriveTest, AnAbortedEvaluationHasFailed) {
  class Pool : public LastFirstPool {
   public:
    Finished Take() {
      Finished finished = LastFirstPool::Take();
      if (finished.id == 1) finished.result = absl::AbortedError("failed three times");
      return finished;
    }
  };
  Script script;
  script.programs = Programs("nnnn");
  Trajectory trajectory(WithWindow(2), std::make_unique<Scripted>(script), DefaultFilters());
  Pool pool;
  auto result = Drive(trajectory, pool, [] {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->completions, 3u);
  ASSERT_EQ(script.outcomes.size(), 4u);
  EXPECT_EQ(script.outcomes[1], Outcome::Failed());
  EXPECT_EQ(trajectory.Count().broken, 1u);
  EXPECT_EQ(trajectory.Count().failed, 0u);
  for (const auto* winner : trajectory.Best(4)) EXPECT_NE(winner->index, 1u);
}

TEST(DriveTest, EndsWithTheErrorOfThePool) {
  Script script;
  script.programs = Programs("nnnnn");
  Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
  LastFirstPool pool(1);
  int progress = 0;
  auto result = Drive(trajectory, pool, [&] { ++progress; });
  EXPECT_EQ(result.status(), absl::CancelledError("the job was cancelled"));
  EXPECT_EQ(progress, 1);
}

}  // namespace
}  // namespace lathe
