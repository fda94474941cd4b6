#include "evaluators/problem_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "evaluators/datasets/load_dataset.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

constexpr char kShipped[] = LATHE_SOURCE_DIR "/evaluators/data";
constexpr size_t kPlenty = size_t{1} << 30;

v1::Task TaskWithSeed(uint64_t seed) {
  v1::Task task;
  task.set_seed(seed);
  return ResolveTask(task).value();
}

TEST(ProblemCache, KeepsOneOfEachTaskAndSeedIndex) {
  ProblemCache cache(kShipped, kPlenty);
  const auto first = cache.Get(TaskWithSeed(1), 0).value();
  EXPECT_EQ(cache.Get(TaskWithSeed(1), 0).value(), first);
  EXPECT_NE(cache.Get(TaskWithSeed(1), 1).value(), first);
  EXPECT_NE(cache.Get(TaskWithSeed(2), 0).value(), first);
  EXPECT_EQ(cache.Bytes(), 3 * first->Bytes());
}

TEST(ProblemCache, HoldsWhatWouldBeDrawn) {
  ProblemCache cache(kShipped, kPlenty);
  const v1::Task task = TaskWithSeed(5);
  const auto problem = cache.Get(task, 3).value();
  const Problem drawn = DrawProblem(LoadDataset(kShipped, "digits").value(), task, 3);
  EXPECT_EQ(problem->train, drawn.train);
  EXPECT_EQ(problem->validation, drawn.validation);
  EXPECT_EQ(problem->test, drawn.test);
  EXPECT_EQ(problem->initial_parameters, drawn.initial_parameters);
}

TEST(ProblemCache, LetsGoOfWhatWasNotUsedForLongest) {
  const size_t bytes = ProblemCache(kShipped, 0).Get(TaskWithSeed(1), 0).value()->Bytes();
  ProblemCache cache(kShipped, 2 * bytes);
  const auto zero = cache.Get(TaskWithSeed(1), 0).value();
  const auto one = cache.Get(TaskWithSeed(1), 1).value();
  EXPECT_EQ(cache.Get(TaskWithSeed(1), 0).value(), zero);
  cache.Get(TaskWithSeed(1), 2).value();
  EXPECT_EQ(cache.Bytes(), 2 * bytes);
  EXPECT_EQ(cache.Get(TaskWithSeed(1), 0).value(), zero);
  EXPECT_NE(cache.Get(TaskWithSeed(1), 1).value(), one);
  EXPECT_EQ(one->train.Count(), 1000) << "a problem in use stays";
}

TEST(ProblemCache, KeepsTheLastOneHoweverLarge) {
  ProblemCache cache(kShipped, 0);
  const auto problem = cache.Get(TaskWithSeed(1), 0).value();
  EXPECT_EQ(cache.Get(TaskWithSeed(1), 0).value(), problem);
  EXPECT_EQ(cache.Bytes(), problem->Bytes());
}

TEST(ProblemCache, FindsAFileThatWasPutThere) {
  const std::string directory = testing::TempDir() + "/lathe_problem_cache";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  ProblemCache cache(directory, kPlenty);
  EXPECT_EQ(cache.Get(TaskWithSeed(1), 0).status().code(), absl::StatusCode::kNotFound);
  std::filesystem::copy(std::string(kShipped) + "/digits.csv.gz", directory);
  EXPECT_TRUE(cache.Get(TaskWithSeed(1), 0).ok());
  std::filesystem::remove_all(directory);
  EXPECT_TRUE(cache.Get(TaskWithSeed(1), 1).ok()) << "the data are in memory";
}

TEST(ProblemCache, FindsWhatIsRegisteredIfItIsWhatTheTaskSays) {
  const std::string directory = testing::TempDir() + "/lathe_problem_cache_registered";
  std::filesystem::remove_all(directory);
  Dataset first;
  first.data.add_shape(1);
  for (uint8_t i = 0; i < 10; ++i) {
    first.bytes.push_back(i);
    first.classes.push_back(i % 3);
  }
  Dataset second = first;
  second.bytes.front() = 77;
  ASSERT_TRUE(CompleteDataset(first).ok() && CompleteDataset(second).ok());
  const auto task_of = [](const Dataset& dataset) {
    v1::Task task;
    task.set_dataset("mine");
    task.set_train_examples(6);
    task.set_validation_examples(2);
    task.set_test_examples(2);
    task.set_batch(2);
    *task.mutable_data() = dataset.data;
    return ResolveTask(task).value();
  };
  ASSERT_TRUE(RegisterDataset(directory, "mine", first, {"test"}).ok());
  ProblemCache cache(directory, kPlenty);
  EXPECT_TRUE(cache.Get(task_of(first), 0).ok());
  EXPECT_EQ(cache.Survey().whole.count("mine"), 1u);
  const absl::Status other = cache.Get(task_of(second), 0).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(other.message()), directory + ": mine is not what the task says: content " +
                                              first.data.content_hash() +
                                              " is there; required: " + second.data.content_hash());
  // Of the same content, but otherwise not what it is.
  v1::Task wrong = task_of(first);
  wrong.mutable_data()->set_classes(4);
  EXPECT_FALSE(cache.CheckData(wrong).ok());
  ASSERT_TRUE(RegisterDataset(directory, "mine", second, {"test", true}).ok());
  EXPECT_TRUE(cache.Get(task_of(second), 0).ok()) << "it was replaced while the process runs";
  std::filesystem::remove_all(directory);
}

TEST(ProblemCache, GivesThreadsTheSame) {
  const size_t bytes = ProblemCache(kShipped, 0).Get(TaskWithSeed(1), 0).value()->Bytes();
  ProblemCache cache(kShipped, 3 * bytes);
  const v1::Task task = TaskWithSeed(1);
  std::vector<Problem> expected;
  const Dataset dataset = LoadDataset(kShipped, "digits").value();
  for (int i = 0; i < 6; ++i) expected.push_back(DrawProblem(dataset, task, i));
  std::atomic<int> wrong = 0;
  const auto work = [&](int offset) {
    for (int i = 0; i < 60; ++i) {
      const int seed_index = (i + offset) % 6;
      const auto problem = cache.Get(task, seed_index).value();
      if (problem->train != expected[static_cast<size_t>(seed_index)].train) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache.Bytes(), 3 * bytes);
}

}  // namespace
}  // namespace lathe
