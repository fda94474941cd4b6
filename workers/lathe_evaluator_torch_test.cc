// The evaluator process that trains with torch, against the evaluator in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "dsl/known_programs.h"
#include "evaluators/torch/torch_evaluator.h"
#include "workers/child_batch_runner.h"
#include "workers/testing/items.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";

TEST(LatheEvaluatorTorchTest, GivesTheBitsOfTheEvaluatorInProcess) {
  ChildBatchRunner runner({.program = LATHE_EVALUATOR_TORCH, .arguments = {"--data", kData}});
  const auto hello = runner.Hello();
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_THAT(hello->models(), ElementsAre("mlp", "conv_net", "transformer", "torchscript"));
  TorchEvaluator evaluator(kData);
  EXPECT_EQ(hello->numeric_class(), evaluator.NumericClass());

  v1::Task net;
  net.mutable_conv_net()->add_channels(4);
  net.set_steps(5);
  net.set_base_lr(0.01);
  net = ResolveTask(net).value();
  std::map<uint64_t, Program> programs;
  std::vector<v1::EvaluatorItem> items;
  for (const char* name : {"sgd", "adamw", "lion"}) {
    const CanonicalForm form = MakeCanonical(KnownProgram(name).value());
    const uint64_t id = programs.size() + 1;
    programs[id] = form.program;
    v1::EvaluationItem item = ItemFor(form);
    *item.mutable_task() = net;
    items.push_back(NumberedItem(id, item));
  }
  size_t told = 0;
  const auto compare = [&](uint64_t id, const v1::ItemResult& result) {
    ++told;
    ASSERT_EQ(result.scores().seeds_size(), 1) << result.ShortDebugString();
    const auto expected = evaluator.Evaluate(programs[id], net, 0, Measure::kValidation);
    ASSERT_TRUE(expected.ok()) << expected.status();
    EXPECT_EQ(std::bit_cast<uint64_t>(result.scores().seeds(0).objective()),
              std::bit_cast<uint64_t>(expected->objective));
  };
  ASSERT_TRUE(runner.Run(items, compare).ok());
  EXPECT_EQ(told, items.size());
}

}  // namespace
}  // namespace lathe
