#include "evaluators/training_rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "evaluators/task/task.h"

namespace lathe {
namespace {

v1::Task TaskOf(v1::Task::Objective objective, uint32_t steps = 100) {
  v1::Task task;
  task.set_objective(objective);
  task.set_steps(steps);
  task.set_target_loss(0.5);
  return ResolveTask(task).value();
}

constexpr SplitScore kEnd = {.loss = 0.75, .error = 0.125};

TEST(RunScore, ALossTenTimesTheFirstHasDiverged) {
  const v1::Task task = TaskOf(v1::Task::VALIDATION_LOSS);
  RunScore score(task);
  EXPECT_FALSE(score.HasDiverged(2));
  EXPECT_FALSE(score.HasDiverged(20));
  EXPECT_TRUE(score.HasDiverged(20.001));
  EXPECT_TRUE(score.HasDivergedAtEnd(NAN));
  EXPECT_TRUE(score.HasDivergedAtEnd(INFINITY));
  EXPECT_FALSE(score.HasDivergedAtEnd(20));
  EXPECT_TRUE(RunScore(task).HasDiverged(NAN)) << "the first one too";
}

TEST(RunScore, MinimisesWhatTheTaskSays) {
  const auto objective = [](v1::Task::Objective kind) {
    const v1::Task task = TaskOf(kind);
    RunScore score(task);
    for (const double loss : {3.0, 2.0, 1.0}) score.HasDiverged(loss);
    return score.Objective(kEnd);
  };
  EXPECT_EQ(objective(v1::Task::VALIDATION_LOSS), 0.75);
  EXPECT_EQ(objective(v1::Task::VALIDATION_ERROR), 0.125);
  EXPECT_EQ(objective(v1::Task::TRAINING_LOSS_AREA), 2);
  EXPECT_EQ(objective(v1::Task::STEPS_TO_TARGET), 100 * 1.25) << "a quarter is missing";
}

// The steps after which a run looks at the validation loss.
std::vector<int> Checks(const v1::Task& task) {
  RunScore score(task);
  std::vector<int> checks;
  for (int t = 1; t <= static_cast<int>(task.steps()); ++t) {
    if (!score.ChecksTarget(t)) continue;
    checks.push_back(t);
    score.TakeCheck(t, 1);
  }
  return checks;
}

TEST(RunScore, LooksForTheTargetAtTwentyStepsThatLieEvenly) {
  std::vector<int> expected;
  for (int t = 5; t <= 100; t += 5) expected.push_back(t);
  EXPECT_EQ(Checks(TaskOf(v1::Task::STEPS_TO_TARGET)), expected);
  for (const uint32_t steps : {1u, 7u, 20u, 21u, 1000u}) {
    const std::vector<int> checks = Checks(TaskOf(v1::Task::STEPS_TO_TARGET, steps));
    EXPECT_EQ(checks.size(), std::min(20u, steps)) << steps;
    EXPECT_EQ(checks.back(), static_cast<int>(steps));
  }
  EXPECT_TRUE(Checks(TaskOf(v1::Task::VALIDATION_LOSS)).empty());
}

TEST(RunScore, TheStepOfTheTargetIsInterpolatedAndTheFirstCounts) {
  const v1::Task task = TaskOf(v1::Task::STEPS_TO_TARGET);
  RunScore score(task);
  score.TakeCheck(5, 2);
  score.TakeCheck(10, 1);
  score.TakeCheck(15, 0.375);  // the target lies four fifths of the way
  EXPECT_FALSE(score.ChecksTarget(20));
  EXPECT_EQ(score.Objective(kEnd), 14);
}

TEST(RunScore, ACheckThatIsNoNumberIsNothingToInterpolateFrom) {
  const v1::Task task = TaskOf(v1::Task::STEPS_TO_TARGET);
  for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    RunScore score(task);
    score.TakeCheck(5, bad);
    score.TakeCheck(10, 0.25);
    EXPECT_EQ(score.Objective(kEnd), 10);
  }
}

TEST(RunScore, BeforeTheFirstCheckThereIsNothingToInterpolateFrom) {
  const v1::Task task = TaskOf(v1::Task::STEPS_TO_TARGET);
  RunScore score(task);
  score.TakeCheck(5, 0.5);
  EXPECT_EQ(score.Objective(kEnd), 5);
}

}  // namespace
}  // namespace lathe
