#include "evaluators/task/task_cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluators/task/task.h"
#include "evaluators/task/testing/tasks.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

TaskCost CostOf(const std::string& text) {
  return CountTaskCost(ResolveTask(FromText(text)).value());
}

TEST(CountTaskCost, OfAPerceptron) {
  const TaskCost cost = CostOf("mlp { hidden: 32 } batch: 32 steps: 100");
  EXPECT_EQ(cost.parameters, 64 * 32 + 32 + 32 * 10 + 10);
  EXPECT_EQ(cost.operations, 2 * cost.parameters * (3 * 32 * 100 + 397 + 400));
  EXPECT_EQ(cost.drawn_values, 64 * 1797 + cost.parameters);
  EXPECT_EQ(cost.activation_bytes, 4 * 4 * 32 * (64 + 32 + 10));
}

TEST(CountTaskCost, ScoringAtEveryCheckOfATargetCounts) {
  const TaskCost once = CostOf("steps: 10"), often = CostOf("steps: 10 objective: STEPS_TO_TARGET");
  EXPECT_EQ(often.operations - once.operations, 2 * once.parameters * 397 * (kTargetChecks - 1));
}

// The image, with a margin around it, patches of 9 for each place, the places themselves, and what
// is left of them.
TEST(CountTaskCost, OfAConvNet) {
  const TaskCost cost = CostOf("conv_net { channels: [4] } batch: 2");
  EXPECT_EQ(cost.activation_bytes, 4 * 4 * 2 * (64 + 10 * 10 + 64 * 9 + 64 * 4 + 16 * 4 + 10));
}

TEST(CountTaskCost, MemoryIsBoundedAtValidation) {
  const std::string text =
      "dataset: 'poems' data { content_hash: '0000000000000000000000000000000a' "
      "examples: 100000000 classes: 90 } ";
  const auto message = [&](const std::string& task) {
    return std::string(ResolveTask(FromText(text + task)).status().message());
  };
  EXPECT_THAT(message("transformer { context: 1024 width: 1024 heads: 8 layers: 2 } batch: 1000"),
              HasSubstr("task.batch: a batch of 1000 takes "));
  EXPECT_EQ(message("transformer { context: 64 width: 64 heads: 4 layers: 2 } batch: 32"), "");
}

}  // namespace
}  // namespace lathe
