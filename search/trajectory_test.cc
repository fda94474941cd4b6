#include "search/trajectory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "search/testing/completion_order.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

struct Ran {
  Script script;
  std::unique_ptr<Trajectory> trajectory;
  std::string reason;
};

void RunScript(Ran& ran, TrajectoryOptions options, CompletionOrder order) {
  ran.trajectory = std::make_unique<Trajectory>(
      std::move(options), std::make_unique<Scripted>(ran.script), DefaultFilters());
  ran.reason = RunToEnd(*ran.trajectory, order, ByFactor);
}

// What must have been told when index i is proposed, straight from the rule: with s the next slot,
// slots 0 .. s - window, and after each of them the duplicates between it and the next slot.
std::vector<uint64_t> ToldBefore(const std::string& kinds, size_t i, int window) {
  auto slots = [&](size_t end) { return std::count(kinds.begin(), kinds.begin() + end, 'n'); };
  const long through = slots(i) - window;  // the last slot that has been told
  std::vector<uint64_t> told;
  for (size_t k = 0; k < i; ++k) {
    const long slot = slots(k + 1) - 1;  // its own, or the last with a smaller index
    if (kinds[k] != 'r' && slot <= through) told.push_back(k);
  }
  return told;
}

TEST(TrajectoryTest, EverySlotIsProposedFromTheSameState) {
  const std::string kinds = "nnrdndrnnddnnnrrndnnnndnnddddnnrn";
  for (int window : {1, 3, 8, 32}) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      Ran ran;
      ran.script.programs = Programs(kinds);
      RunScript(ran, WithWindow(window), CompletionOrder::Random(seed));
      ASSERT_EQ(ran.script.told_at.size(), kinds.size());
      for (size_t i = 0; i < kinds.size(); ++i) {
        EXPECT_EQ(ran.script.told_at[i], ToldBefore(kinds, i, window))
            << "index " << i << ", window " << window;
      }
      EXPECT_EQ(ran.script.told, ToldBefore(kinds + "n", kinds.size(), 1));
      EXPECT_EQ(ran.reason, "end of the script");
    }
  }
}

TEST(TrajectoryTest, ADuplicateSharesTheOutcomeOfTheFirstOfItsKind) {
  Ran ran;
  ran.script.programs = {Scaled(5), Scaled(13), Scaled(7), Scaled(13), Scaled(5)};
  RunScript(ran, WithWindow(32), CompletionOrder::LastFirst());
  ASSERT_EQ(ran.script.told, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(ran.script.outcomes[3], Outcome::Diverged());
  EXPECT_EQ(ran.script.outcomes[4], Outcome::Ok(5));
  EXPECT_EQ(ran.trajectory->Count().duplicates, 2u);
  EXPECT_EQ(ran.trajectory->Count().failed, 1u);
}

TEST(TrajectoryTest, EqualIsWhatIsEqualInCanonicalForm) {
  Ran ran;
  ran.script.programs = {Scaled(5), Scaled(5)};
  std::swap(ran.script.programs[1].instructions[0].operands[0],
            ran.script.programs[1].instructions[0].operands[1]);
  RunScript(ran, WithWindow(1), CompletionOrder::FirstFirst());
  EXPECT_EQ(ran.trajectory->Count().duplicates, 1u);
}

TEST(TrajectoryTest, TheRejectedAreCountedByFilterAndNotTold) {
  Ran ran;
  ran.script.programs = {WithoutGradient(), Scaled(5), IllFormed(), WithoutGradient(), IllFormed()};
  RunScript(ran, WithWindow(4), CompletionOrder::FirstFirst());
  const Trajectory::Counts& counts = ran.trajectory->Count();
  EXPECT_EQ(counts.rejected[static_cast<size_t>(Filter::ignores_gradient)], 2u);
  EXPECT_EQ(counts.rejected[static_cast<size_t>(Filter::ill_formed)], 2u);
  EXPECT_EQ(counts.duplicates, 0u);
  EXPECT_EQ(counts.proposed, 5u);
  EXPECT_EQ(counts.evaluated, 1u);
  EXPECT_EQ(ran.script.told, std::vector<uint64_t>{1});
}

TEST(TrajectoryTest, BudgetsEndTheSearchAndEverythingIsTold) {
  struct Case {
    uint64_t candidates, evaluations;
    std::string reason;
    uint64_t proposed, evaluated;
  };
  const std::string kinds = "nndnnnrnnn";
  for (const Case& c :
       {Case{4, 0, "budget.candidates", 4, 3}, Case{0, 4, "budget.evaluations", 5, 4},
        Case{6, 5, "budget.candidates", 6, 5}, Case{100, 100, "end of the script", 10, 8}}) {
    Ran ran;
    ran.script.programs = Programs(kinds);
    TrajectoryOptions options = WithWindow(3);
    options.max_candidates = c.candidates;
    options.max_evaluations = c.evaluations;
    RunScript(ran, options, CompletionOrder::Random(1));
    EXPECT_EQ(ran.reason, c.reason);
    EXPECT_EQ(ran.trajectory->Count().proposed, c.proposed) << c.reason;
    EXPECT_EQ(ran.trajectory->Count().evaluated, c.evaluated) << c.reason;
  }
}

TEST(TrajectoryTest, ASpaceWithNothingNewIsExhausted) {
  Ran ran;
  ran.script.programs = Programs("nddndddddddddddn");
  TrajectoryOptions options = WithWindow(2);
  options.exhausted_after = 5;
  RunScript(ran, options, CompletionOrder::FirstFirst());
  EXPECT_EQ(ran.reason, "space_exhausted");
  EXPECT_EQ(ran.trajectory->Count().proposed, 9u);  // the second new one, then five
}

TEST(TrajectoryTest, TheBestComeFirstAndEqualsByIndex) {
  Ran ran;
  ran.script.programs = {Scaled(9), Scaled(13), Scaled(4), Scaled(8)};
  RunScript(ran, WithWindow(4), CompletionOrder::LastFirst());
  auto indices = [&](size_t most) {
    std::vector<uint64_t> result;
    for (const auto* candidate : ran.trajectory->Best(most)) result.push_back(candidate->index);
    return result;
  };
  EXPECT_EQ(indices(10), (std::vector<uint64_t>{2, 3, 0}));
  EXPECT_EQ(indices(1), (std::vector<uint64_t>{2}));

  Ran tied;
  tied.script.programs = {Scaled(9), Scaled(4), Scaled(8)};
  tied.trajectory = std::make_unique<Trajectory>(
      WithWindow(4), std::make_unique<Scripted>(tied.script), DefaultFilters());
  RunToEnd(*tied.trajectory, CompletionOrder::LastFirst(), [](const EvaluationRequest&) {
    return EvaluationResult{{false, 1, 0, 0}};
  });
  EXPECT_EQ(tied.trajectory->Best(1)[0]->index, 0u);
}

TEST(TrajectoryTest, RequestsAreForTheSearchesOwnSeedsAndNeverForTheTestSplit) {
  Script script;
  script.programs = {Scaled(3)};
  TrajectoryOptions options;
  options.evaluation_seeds = {0, 1, 2};
  Trajectory trajectory(options, std::make_unique<Scripted>(script), DefaultFilters());
  auto action = trajectory.Next();
  const EvaluationRequest& request = std::get<Trajectory::Evaluate>(action).request;
  EXPECT_EQ(request.seeds, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(request.measure_test);
  EXPECT_TRUE(request.stop_at_divergence);
  EXPECT_EQ(request.arena, 0);
}

}  // namespace
}  // namespace lathe
