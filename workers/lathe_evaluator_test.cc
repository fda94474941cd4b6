// The evaluator process that trains, against the evaluator in this process.
#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "dsl/known_programs.h"
#include "evaluators/population/population_evaluator.h"
#include "workers/child_batch_runner.h"
#include "workers/testing/items.h"

namespace lathe {
namespace {

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";

// Two seeds with the test split, on a short task.
v1::EvaluatorItem ShortItem(uint64_t id, const CanonicalForm& form) {
  v1::EvaluationItem item = ItemFor(form);
  item.mutable_task()->set_steps(20);
  item.mutable_task()->set_base_lr(0.01);
  item.add_seed_indices(3);
  item.set_measure_test(true);
  return NumberedItem(id, item);
}

TEST(LatheEvaluatorTest, GivesTheBitsOfTheEvaluatorInProcess) {
  PopulationEvaluator evaluator(kData);
  ChildBatchRunner runner({.program = LATHE_EVALUATOR, .arguments = {"--data", kData}});
  const auto hello = runner.Hello();
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(hello->numeric_class(), evaluator.NumericClass());

  std::map<uint64_t, CanonicalForm> forms;
  std::vector<v1::EvaluatorItem> items;
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    const uint64_t id = forms.size() + 1;
    forms[id] = MakeCanonical(KnownProgram(name).value());
    items.push_back(ShortItem(id, forms[id]));
  }
  size_t told = 0;
  const auto compare = [&](uint64_t id, const v1::ItemResult& result) {
    ++told;
    ASSERT_EQ(result.scores().seeds_size(), 2) << result.ShortDebugString();
    for (int i = 0; i < 2; ++i) {
      const v1::EvaluationItem& item = items[id - 1].item();
      const auto expected = evaluator.Evaluate(forms[id].program, item.task(), item.seed_indices(i),
                                               Measure::kValidationAndTest);
      ASSERT_TRUE(expected.ok()) << expected.status();
      const v1::SeedResult& seed = result.scores().seeds(i);
      const auto bits = [](double value) { return std::bit_cast<uint64_t>(value); };
      EXPECT_EQ(bits(seed.objective()), bits(expected->objective)) << forms[id].text;
      EXPECT_EQ(bits(seed.test_loss()), bits(expected->test.loss));
      EXPECT_EQ(bits(seed.test_error()), bits(expected->test.error));
      EXPECT_EQ(seed.diverged(), expected->diverged);
    }
  };
  ASSERT_TRUE(runner.Run(items, compare).ok());
  EXPECT_EQ(told, items.size());
}

TEST(LatheEvaluatorTest, SaysWhichDataAreMissing) {
  ChildBatchRunner runner({.program = LATHE_EVALUATOR, .arguments = {"--data", "/nowhere"}});
  const auto hello = runner.Hello();
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_TRUE(hello->datasets().empty());
  ASSERT_EQ(hello->missing_datasets_size(), 1);
  EXPECT_NE(hello->missing_datasets(0).reason().find("/nowhere/digits.csv.gz"), std::string::npos);
}

}  // namespace
}  // namespace lathe
