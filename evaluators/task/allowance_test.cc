#include "evaluators/task/allowance.h"

#include <gtest/gtest.h>

#include "dsl/known_programs.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

constexpr double kWeek = 7 * 24 * 3600;

v1::Task TaskWithSteps(uint32_t steps) {
  v1::Task task;
  task.set_steps(steps);
  return ResolveTask(task).value();
}

double Allowance(const char* program, const v1::Task& task, int seeds) {
  return EvaluationAllowanceSeconds(KnownProgram(program).value(), task, seeds);
}

TEST(EvaluationAllowance, IsFarAboveWhatTheDefaultTaskTakes) {
  const double allowance = Allowance("adamw", TaskWithSteps(100), 4);
  EXPECT_GT(allowance, 32);  // a laptop takes less than a tenth of a second
  EXPECT_LT(allowance, 120);
}

TEST(EvaluationAllowance, NeverFallsBelowHalfAMinute) {
  EXPECT_GT(Allowance("sgd", TaskWithSteps(1), 1), 30);
  EXPECT_EQ(Allowance("sgd", TaskWithSteps(1), 0), 30);
  EXPECT_EQ(Allowance("sgd", TaskWithSteps(1), -1), 30);
}

TEST(EvaluationAllowance, GrowsWithSeedsStepsProgramBatchAndModel) {
  const v1::Task task = TaskWithSteps(1000);
  const double base = Allowance("sgd", task, 1);
  EXPECT_NEAR(Allowance("sgd", task, 10) - 30, 10 * (base - 30), 1e-6);
  EXPECT_GT(Allowance("sgd", TaskWithSteps(2000), 1), base);
  EXPECT_GT(Allowance("adamw", task, 1), base);
  v1::Task changed = task;
  changed.set_batch(64);
  EXPECT_GT(Allowance("sgd", changed, 1), base);
  changed = task;
  changed.mutable_mlp()->add_hidden(512);
  EXPECT_GT(Allowance("sgd", changed, 1), base);
}

TEST(EvaluationAllowance, CountsEveryPlaceOfAConvolution) {
  v1::Task net;
  net.mutable_conv_net()->add_channels(64);
  net.set_steps(10000);
  net = ResolveTask(net).value();
  // 64 x 9 x 64 multiply-adds and a last layer, three times over 32 examples, two operations
  // each, at a hundred million a second.
  EXPECT_GT(Allowance("sgd", net, 1), 2 * 3 * 32 * 10000.0 * (64 * 9 * 64) / 1e8);
}

TEST(EvaluationAllowance, NeverExceedsAWeek) {
  v1::Task task = TaskWithSteps(1'000'000);
  for (int i = 0; i < 8; ++i) task.mutable_mlp()->add_hidden(4096);
  EXPECT_EQ(Allowance("adamw", task, 1000), kWeek);
}

}  // namespace
}  // namespace lathe
