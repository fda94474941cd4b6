// The evaluator process that trains, against the evaluator in this process.
#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <map>

#include "dsl/known_programs.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/population/population_evaluator.h"
#include "evaluators/task/task.h"
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

// Ten examples of one feature, `first` the first of them.
Dataset TenExamples(uint8_t first) {
  Dataset dataset;
  dataset.data.add_shape(1);
  for (uint8_t i = 0; i < 10; ++i) {
    dataset.bytes.push_back(i == 0 ? first : i);
    dataset.classes.push_back(i % 3);
  }
  EXPECT_TRUE(CompleteDataset(dataset).ok());
  return dataset;
}

TEST(LatheEvaluatorTest, DataThatWereReplacedAreMissingAndOthersAreNot) {
  const std::string directory = testing::TempDir() + "/lathe_evaluator_replaced";
  std::filesystem::remove_all(directory);
  const Dataset first = TenExamples(0), second = TenExamples(77);
  ASSERT_TRUE(RegisterDataset(directory, "mine", first, {"test"}).ok());
  ChildBatchRunner runner({.program = LATHE_EVALUATOR, .arguments = {"--data", directory}});
  ASSERT_TRUE(runner.Hello().ok());
  ASSERT_TRUE(RegisterDataset(directory, "mine", second, {"test", true}).ok());
  std::vector<v1::EvaluatorItem> items;
  for (const Dataset* dataset : {&first, &second}) {
    v1::Task task;
    task.set_dataset("mine");
    task.set_train_examples(6);
    task.set_validation_examples(2);
    task.set_test_examples(2);
    task.set_batch(2);
    task.set_steps(2);
    *task.mutable_data() = dataset->data;
    v1::EvaluationItem item = ItemFor(MakeCanonical(KnownProgram("sgd").value()));
    *item.mutable_task() = ResolveTask(task).value();
    items.push_back(NumberedItem(items.size() + 1, item));
  }
  std::map<uint64_t, v1::ItemResult> results;
  const auto keep = [&](uint64_t id, v1::ItemResult result) { results[id] = std::move(result); };
  ASSERT_TRUE(runner.Run(items, keep).ok());
  EXPECT_EQ(results[1].fault().kind(), v1::EvaluationFault::MISSING_DATA);
  EXPECT_EQ(results[1].fault().message(), directory + ": mine is not what the task says: content " +
                                              second.data.content_hash() +
                                              " is there; required: " + first.data.content_hash());
  EXPECT_TRUE(results[2].has_scores()) << results[2].ShortDebugString();
  std::filesystem::remove_all(directory);
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
