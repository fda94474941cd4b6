// Hurdles from a job's message to the search.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "search/spec/build_search.h"
#include "search/spec/resolve_job.h"
#include "search/testing/completion_order.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

using testing::HasSubstr;

absl::StatusOr<v1::JobSpec> Resolve(const std::string& text) {
  v1::JobSpec job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job)) << text;
  job.set_name("test");
  job.mutable_budget()->set_evaluations(150);
  job.mutable_strategy()->set_population(20);
  return ResolveJob(job);
}

TEST(ResolveHurdles, TakesWhatIsLeftOutFromTheTaskAndTheDefaults) {
  const auto job = Resolve("task { steps: 50 batch: 16 } hurdles { task { steps: 10 } }");
  ASSERT_TRUE(job.ok()) << job.status();
  const v1::Hurdle& hurdle = job->hurdles(0);
  EXPECT_EQ(hurdle.task().steps(), 10u);
  EXPECT_EQ(hurdle.task().batch(), 16u);
  EXPECT_EQ(hurdle.task().seeds(), 1u);
  EXPECT_EQ(hurdle.keep(), 0.5);
  EXPECT_EQ(hurdle.window(), 256u);
  EXPECT_EQ(hurdle.least(), 32u);
  const auto again = ResolveJob(*job);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->DebugString(), job->DebugString());
  EXPECT_EQ(Resolve("hurdles { window: 5 }")->hurdles(0).least(), 5u);
}

TEST(ResolveHurdles, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"hurdles { keep: 0 }", "hurdles[0].keep: 0 is not allowed; allowed: above 0 and below 1"},
      {"hurdles { keep: 1 }", "hurdles[0].keep: 1 is not allowed"},
      {"hurdles { keep: nan }", "hurdles[0].keep: nan is not allowed"},
      {"hurdles { window: 10001 }", "hurdles[0].window: 10001 is not allowed; allowed: 1 to 10000"},
      {"hurdles { window: 7 least: 8 }", "hurdles[0].least: 8 is not allowed; allowed: 1 to 7"},
      {"hurdles {} hurdles { task { steps: 2000000 } }", "hurdles[1]: task.steps: 2000000"},
      {"hurdles { task { seeds: 4 } }",
       "hurdles[0].task.seeds: nothing but the number of seeds differs from the job's task, and 4 "
       "is not allowed; allowed: fewer than its 4"},
      {"hurdles { task { seeds: 2 } } hurdles { task { seeds: 2 } }",
       "hurdles[1].task.seeds: nothing but the number of seeds differs from the job's task, and 2 "
       "is not allowed; allowed: fewer than its 4 and more than the 2 of a hurdle before"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(std::string(Resolve(text).status().message()), HasSubstr(message)) << text;
  }
  std::string many;
  for (int i = 0; i < 9; ++i) many += "hurdles { task { steps: 10 } } ";
  EXPECT_THAT(std::string(Resolve(many).status().message()),
              HasSubstr("hurdles: 9 are not allowed; allowed: at most 8"));
}

// A race has the search's own arena, others have one each behind the study's.
TEST(BuildTrajectory, HurdlesAreEvaluatedOnTheirTasks) {
  const auto job = Resolve(
      "study { transfers { name: 'other' task { steps: 7 } } "
      "        baselines { program: 'sgd' base_lr: 1 } }"
      "hurdles { task { steps: 10 } } hurdles { task { seeds: 2 } } "
      "hurdles { task { mlp { hidden: 8 } seeds: 2 } }");
  ASSERT_TRUE(job.ok()) << job.status();
  const std::vector<v1::Task> tasks = ArenaTasks(*job);
  ASSERT_EQ(tasks.size(), 5u);
  EXPECT_EQ(tasks[2].steps(), 10u);
  EXPECT_EQ(tasks[4].mlp().hidden(0), 8u);
  auto trajectory = BuildTrajectory(*job);
  std::map<std::pair<int, size_t>, int> asked;  // arena, number of seeds
  RunToEnd(*trajectory, CompletionOrder::Random(1), [&](const EvaluationRequest& request) {
    ++asked[{request.arena, request.seeds.size()}];
    return SyntheticEvaluation(request);
  });
  const Trajectory::Counts& counts = trajectory->Count();
  ASSERT_EQ(counts.stopped.size(), 3u);
  using Key = std::pair<int, size_t>;
  EXPECT_EQ(asked[Key(2, 1)], 150);
  EXPECT_GT(counts.stopped[0], 10u);
  EXPECT_GT(counts.stopped[1], 5u);
  // The race's two seeds and the other two.
  EXPECT_GT(asked[Key(0, 2)], asked[Key(4, 2)]);
  EXPECT_EQ(asked.size(), 3u);
}

}  // namespace
}  // namespace lathe
