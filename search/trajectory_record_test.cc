// The records of a search, as they are handed out.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "dsl/known_programs.h"
#include "search/evolution.h"
#include "search/testing/completion_order.h"
#include "search/testing/memory_log.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

MemoryLog LogOf(Script script, int window, CompletionOrder order) {
  MemoryLog log;
  TrajectoryOptions options = WithWindow(window);
  options.log = &log;
  Trajectory trajectory(options, std::make_unique<Scripted>(script), DefaultFilters());
  RunToEnd(trajectory, order, ByFactor);
  return log;
}

TEST(TrajectoryRecordTest, SaysAllOfEachCandidate) {
  Script script;
  script.programs = Programs("nrdn");
  script.programs.push_back(IllFormed());
  script.programs.push_back(Scaled(13));
  script.parents = {0, 7};
  const MemoryLog log = LogOf(script, 4, CompletionOrder::FirstFirst());
  const auto& records = log.candidates;
  ASSERT_EQ(records.size(), 6u);
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].index, i);
    EXPECT_EQ(records[i].raw_text, Print(script.programs[i]));
    EXPECT_EQ(records[i].parents, script.parents);
    EXPECT_EQ(records[i].operation, "script");
    ASSERT_EQ(records[i].program.has_value(), i != 4);
    if (i == 4) continue;
    const CanonicalForm form = MakeCanonical(script.programs[i]);
    EXPECT_EQ(*records[i].program, form.hash);
    EXPECT_EQ(log.texts.at(form.hash), form.text);
  }
  using Slot = std::optional<uint64_t>;
  const Slot slots[] = {0, {}, {}, 1, {}, 2}, duplicates[] = {{}, {}, 0, {}, {}, {}};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(records[i].slot, slots[i]) << i;
    EXPECT_EQ(records[i].duplicate_of, duplicates[i]) << i;
    EXPECT_EQ(records[i].rejected_by.has_value(), i == 1 || i == 4) << i;
    EXPECT_EQ(records[i].told, 0u) << i;
  }
  EXPECT_EQ(records[1].rejected_by, Filter::ignores_gradient);
  EXPECT_EQ(records[4].rejected_by, Filter::ill_formed);
  EXPECT_EQ(log.slots,
            (std::vector<ToldSlot>{
                {Outcome::Ok(2), {}}, {Outcome::Ok(2.75), {}}, {Outcome::Diverged(), {}}}));
}

TEST(TrajectoryRecordTest, IsTheSameHoweverEvaluationsComplete) {
  Script script;
  script.programs = Programs("nrdnndrrndnnnnrdn");
  const MemoryLog log = LogOf(script, 3, CompletionOrder::FirstFirst());
  EXPECT_EQ(log.candidates.size(), script.programs.size());
  for (int order = 0; order < 4; ++order) {
    const MemoryLog other = LogOf(
        script, 3, order == 0 ? CompletionOrder::LastFirst() : CompletionOrder::Random(order));
    EXPECT_EQ(other.candidates, log.candidates);
    EXPECT_EQ(other.slots, log.slots);
  }
}

TEST(TrajectoryRecordTest, TheBestSoFarIsTheFirstOfTheBestAtAnyTime) {
  EvolutionOptions options;
  options.population = 20;
  options.warm_start = {*KnownProgram("adamw_warm_start")};
  options.mutation.space = SearchSpace::Default(OptimizerSignature());
  TrajectoryOptions trajectory_options = WithWindow(8);
  trajectory_options.max_evaluations = 200;
  Trajectory trajectory(trajectory_options, std::make_unique<Evolution>(options), DefaultFilters());
  EXPECT_EQ(trajectory.BestSoFar(), nullptr);
  int improvements = 0;
  std::optional<uint64_t> last;
  RunToEnd(trajectory, CompletionOrder::Random(1), [&](const EvaluationRequest& request) {
    const auto best = trajectory.Best(1);
    EXPECT_EQ(trajectory.BestSoFar(), best.empty() ? nullptr : best[0]);
    if (!best.empty()) {
      improvements += last != best[0]->index;
      last = best[0]->index;
    }
    // Few different scores, so that there are equals.
    EvaluationResult result = SyntheticEvaluation(request);
    for (SeedScore& score : result) score.objective = std::round(20 * score.objective);
    return result;
  });
  EXPECT_EQ(trajectory.BestSoFar(), trajectory.Best(1)[0]);
  EXPECT_GT(improvements, 1);
}

}  // namespace
}  // namespace lathe
