// The records of a search, as they are handed out.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "dsl/known_programs.h"
#include "search/evolution.h"
#include "search/testing/completion_order.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

std::vector<CandidateRecord> RecordsOf(Script script, int window, CompletionOrder order) {
  std::vector<CandidateRecord> records;
  TrajectoryOptions options = WithWindow(window);
  options.on_record = [&](const CandidateRecord& record) { records.push_back(record); };
  Trajectory trajectory(options, std::make_unique<Scripted>(script), DefaultFilters());
  RunToEnd(trajectory, order, ByFactor);
  return records;
}

TEST(TrajectoryRecordTest, SaysAllOfEachCandidate) {
  Script script;
  script.programs = Programs("nrdn");
  script.programs.push_back(IllFormed());
  script.programs.push_back(Scaled(13));
  script.parents = {0, 7};
  const auto records = RecordsOf(script, 4, CompletionOrder::FirstFirst());
  ASSERT_EQ(records.size(), 6u);
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].index, i);
    EXPECT_EQ(records[i].raw_text, Print(script.programs[i]));
    EXPECT_EQ(records[i].parents, script.parents);
    EXPECT_EQ(records[i].operation, "script");
    ASSERT_EQ(records[i].canonical == nullptr, i == 4);
    if (i == 4) continue;
    EXPECT_EQ(records[i].canonical->text, MakeCanonical(script.programs[i]).text);
  }
  using Slot = std::optional<uint64_t>;
  const Slot slots[] = {0, {}, {}, 1, {}, 2};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(records[i].slot, slots[i]) << i;
  EXPECT_EQ(records[0].outcome, Outcome::Ok(2));
  EXPECT_EQ(records[1].outcome, Outcome::Rejected(Filter::ignores_gradient));
  EXPECT_EQ(records[2].outcome, records[0].outcome);
  EXPECT_EQ(records[3].outcome, Outcome::Ok(2.75));
  EXPECT_EQ(records[4].outcome, Outcome::Rejected(Filter::ill_formed));
  EXPECT_EQ(records[5].outcome, Outcome::Diverged());
}

TEST(TrajectoryRecordTest, AscendsHoweverEvaluationsComplete) {
  Script script;
  script.programs = Programs("nrdnndrrndnnnnrdn");
  const auto records = RecordsOf(script, 8, CompletionOrder::FirstFirst());
  for (int order = 0; order < 4; ++order) {
    const auto others = RecordsOf(
        script, 8, order == 0 ? CompletionOrder::LastFirst() : CompletionOrder::Random(order));
    ASSERT_EQ(others.size(), script.programs.size());
    for (size_t i = 0; i < others.size(); ++i) {
      EXPECT_EQ(others[i].index, i);
      EXPECT_EQ(others[i].slot, records[i].slot);
      EXPECT_EQ(others[i].outcome, records[i].outcome);
    }
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
