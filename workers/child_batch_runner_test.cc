#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "workers/testing/child_batch_runner_fixture.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using ::testing::Ge;
using ::testing::HasSubstr;

TEST_F(ChildBatchRunnerTest, SaysWhatTheEvaluatorSays) {
  ChildBatchRunner runner(Options({"--numeric-class", "of-the-test"}));
  const auto hello = runner.Hello();
  ASSERT_TRUE(hello.ok()) << hello.status();
  EXPECT_EQ(hello->numeric_class(), "of-the-test");
  EXPECT_EQ(hello->datasets_size(), 1);
}

TEST_F(ChildBatchRunnerTest, EvaluatesBatchAfterBatchInOneProcess) {
  ChildBatchRunner runner(Options({"--fork-grandchild", folder_ / "starts"}));
  std::vector<v1::EvaluatorItem> items = Numbered(20);
  ASSERT_TRUE(Run(runner, {items.begin(), items.begin() + 13}).ok());
  ASSERT_TRUE(Run(runner, {}).ok());
  ASSERT_TRUE(Run(runner, {items.begin() + 13, items.end()}).ok());
  ExpectScores(items);
  EXPECT_EQ(Lines(folder_ / "starts").size(), 1u);
}

// Where the culprit stands among nine items.
class Culprit : public ChildBatchRunnerTest, public testing::WithParamInterface<int> {};

TEST_P(Culprit, IsFoundAndNobodyElseIsBlamedOrRunTwice) {
  const std::vector<v1::EvaluatorItem> items = Numbered(9);
  const v1::EvaluatorItem& culprit = items[GetParam() - 1];
  ChildBatchRunner runner(Options({Flag("crash-on", culprit)}));
  ASSERT_TRUE(Run(runner, items).ok());
  ExpectScores(items, {culprit.id()});
  const v1::EvaluationFault& fault = results_[culprit.id()].fault();
  EXPECT_EQ(fault.kind(), v1::EvaluationFault::CRASHED);
  EXPECT_EQ(fault.message(), "was killed by signal 6 (Aborted)");
  for (const v1::EvaluatorItem& item : items) {
    // The evaluator goes by the order of the batch: nothing had begun but the culprit.
    const bool once = item.id() == culprit.id() || Starts(item) == 1;
    EXPECT_TRUE(once) << item.id();
  }
}

INSTANTIATE_TEST_SUITE_P(FirstMiddleLast, Culprit, testing::Values(1, 2, 5, 8, 9));

TEST_F(ChildBatchRunnerTest, FindsSeveralCulpritsInOneBatch) {
  const std::vector<v1::EvaluatorItem> items = Numbered(16);
  ChildBatchRunner runner(Options({Flag("crash-on", items[2]), Flag("exit-on", items[3]),
                                   Flag("exit-on", items[14]), Flag("error-on", items[7])}));
  ASSERT_TRUE(Run(runner, items).ok());
  ExpectScores(items, {3, 4, 15, 8});
  EXPECT_EQ(results_[3].fault().kind(), v1::EvaluationFault::CRASHED);
  EXPECT_EQ(results_[4].fault().message(), "exited with status 3");
  EXPECT_EQ(results_[15].fault().message(), "exited with status 3");
  EXPECT_EQ(results_[8].fault().kind(), v1::EvaluationFault::ERROR);
  EXPECT_EQ(results_[8].fault().message(), "an error on purpose");
}

TEST_F(ChildBatchRunnerTest, EveryItemMayBeACulprit) {
  const std::vector<v1::EvaluatorItem> items = Numbered(5);
  std::vector<std::string> flags;
  for (const v1::EvaluatorItem& item : items) flags.push_back(Flag("exit-on", item));
  ChildBatchRunner runner(Options(flags));
  ASSERT_TRUE(Run(runner, items).ok());
  ASSERT_EQ(results_.size(), 5u);
  for (const auto& [id, result] : results_) {
    EXPECT_EQ(result.fault().kind(), v1::EvaluationFault::CRASHED) << id;
  }
}

TEST_F(ChildBatchRunnerTest, AfterAFaultTheNextBatchRunsAsIfNothingHadBeen) {
  const std::vector<v1::EvaluatorItem> items = Numbered(4);
  ChildBatchRunner runner(Options({Flag("crash-on", items[0])}));
  ASSERT_TRUE(Run(runner, {items[0]}).ok());
  ASSERT_TRUE(Run(runner, {items[1], items[2], items[3]}).ok());
  ExpectScores(items, {1});
}

// The two items are batches of so many.
class OneBatchOrTwo : public ChildBatchRunnerTest, public testing::WithParamInterface<int> {};

TEST_P(OneBatchOrTwo, ACrashAfterOtherItemsIsNotYetBlamedOnTheLastOne) {
  const std::vector<v1::EvaluatorItem> items = Numbered(2);
  const std::string started = folder_ / "started";
  ChildBatchRunnerOptions options = Options();
  // The second item crashes in the first process only.
  options.program =
      Script("[ -e " + started + " ] || crash=" + Flag("crash-on", items[1]) + "\ntouch " +
             started + "\nexec " LATHE_EVALUATOR_SYNTHETIC " \"$@\" $crash");
  ChildBatchRunner runner(options);
  for (auto item = items.begin(); item != items.end(); item += GetParam()) {
    ASSERT_TRUE(Run(runner, {item, item + GetParam()}).ok());
  }
  ExpectScores(items);
  EXPECT_EQ(Starts(items[1]), 2u);
}

INSTANTIATE_TEST_SUITE_P(All, OneBatchOrTwo, testing::Values(1, 2));

TEST_F(ChildBatchRunnerTest, WhatNeverEndsIsKilledAtItsDeadline) {
  std::vector<v1::EvaluatorItem> items = Numbered(4, 0.3);
  ChildBatchRunner runner(Options({Flag("hang-on", items[1])}));
  ASSERT_TRUE(Run(runner, items).ok());
  ExpectScores(items, {2});
  EXPECT_EQ(results_[2].fault().kind(), v1::EvaluationFault::DEADLINE);
  EXPECT_EQ(results_[2].fault().message(), "took longer than 0.3 s");
  EXPECT_EQ(Starts(items[0]), 1u);
}

TEST_F(ChildBatchRunnerTest, ASigkillFromElsewhereIsNobodysFault) {
  const std::vector<v1::EvaluatorItem> items = Numbered(6);
  // Waits in the third item until somebody kills it; the second time it goes through.
  const std::string go = folder_ / "go", pid = folder_ / "pid";
  ChildBatchRunnerOptions options = Options();
  options.program = Script("[ -e " + go + " ] || hang=--hang-on=" + items[2].item().program_hash() +
                           "\necho $$ > " + pid + "; touch " + go +
                           "\nexec " LATHE_EVALUATOR_SYNTHETIC " \"$@\" $hang");
  ChildBatchRunner runner(options);
  std::thread killer([&] {
    ASSERT_TRUE(Eventually([&] { return Starts(items[2]) == 1; }));
    kill(std::stoi(Lines(pid)[0]), SIGKILL);
  });
  ASSERT_TRUE(Run(runner, items).ok());
  killer.join();
  ExpectScores(items);
  for (const v1::EvaluatorItem& item : items) {
    EXPECT_EQ(Starts(item), item.id() == 3 ? 2u : 1u) << item.id();
  }
}

TEST_F(ChildBatchRunnerTest, SigkillsWithoutEndAreToldAsWhatTheyAre) {
  const std::vector<v1::EvaluatorItem> items = Numbered(5);
  ChildBatchRunner runner(Options({Flag("kill-on", items[1]), Flag("kill-on", items[4])}));
  ASSERT_TRUE(Run(runner, items).ok());
  ExpectScores(items, {2, 5});
  for (uint64_t id : {2, 5}) {
    EXPECT_EQ(results_[id].fault().kind(), v1::EvaluationFault::KILLED);
    EXPECT_EQ(results_[id].fault().message(), "was killed by signal 9 (Killed)");
    EXPECT_LT(Starts(items[id - 1]), 12u);
  }
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorThatDiesBetweenBatchesIsReplaced) {
  const std::vector<v1::EvaluatorItem> items = Numbered(2);
  const std::string pid = folder_ / "pid";
  ChildBatchRunnerOptions options = Options();
  options.program = Script("echo $$ > " + pid + "\nexec " LATHE_EVALUATOR_SYNTHETIC " \"$@\"");
  ChildBatchRunner runner(options);
  ASSERT_TRUE(Run(runner, {items[0]}).ok());
  const pid_t first = std::stoi(Lines(pid)[0]);
  kill(first, SIGABRT);
  ASSERT_TRUE(Eventually([&] { return !Lives(first); }));
  ASSERT_TRUE(Run(runner, {items[1]}).ok());
  ExpectScores(items);
}

TEST_F(ChildBatchRunnerTest, KillsTheWholeTreeAlsoWhatHasLeftTheGroup) {
  const std::vector<v1::EvaluatorItem> items = Numbered(3, 0.3);
  const std::string grandchildren = folder_ / "grandchildren";
  {
    ChildBatchRunner runner(Options({"--fork-grandchild", grandchildren, Flag("hang-on", items[0]),
                                     Flag("exit-on", items[1])}));
    ASSERT_TRUE(Run(runner, items).ok());
    EXPECT_EQ(results_[1].fault().kind(), v1::EvaluationFault::DEADLINE);
    EXPECT_EQ(results_[2].fault().kind(), v1::EvaluationFault::CRASHED)
        << "although a grandchild keeps the socket open";
  }
  EXPECT_THAT(Lines(grandchildren).size(), Ge(3u));
  for (const std::string& pid : Lines(grandchildren)) {
    EXPECT_TRUE(Eventually([&] { return !Lives(std::stoi(pid)); })) << pid;
  }
}

TEST_F(ChildBatchRunnerTest, ItemsThatNobodyWantsAreLeftOut) {
  const std::vector<v1::EvaluatorItem> items = Numbered(4);
  ChildBatchRunner runner(Options({Flag("hang-on", items[1])}));
  std::thread dropper([&] {
    ASSERT_TRUE(Eventually([&] { return Starts(items[1]) == 1; }));
    runner.Drop({2, 77});
    runner.Drop({3, 4});
  });
  ASSERT_TRUE(Run(runner, items).ok());
  dropper.join();
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_TRUE(results_[1].has_scores());
  EXPECT_EQ(Starts(items[3]), 0u);
  // And the runner is good for more.
  ASSERT_TRUE(Run(runner, {items[2]}).ok());
  EXPECT_TRUE(results_[3].has_scores());
}

// The result of 2 is on its way when the rest is dropped: there is nothing to wait for after it.
TEST_F(ChildBatchRunnerTest, ItemsThatNobodyWantsEndWithTheLastOneThatIsWanted) {
  const std::vector<v1::EvaluatorItem> items = Numbered(4);
  ChildBatchRunner runner(Options({Flag("hang-on", items[2])}));
  std::vector<uint64_t> told;
  const auto drop_the_rest = [&](uint64_t id, const v1::ItemResult&) {
    told.push_back(id);
    if (id != 1) return;
    ASSERT_TRUE(Eventually([&] { return Starts(items[2]) == 1; }));
    runner.Drop({3, 4});
  };
  ASSERT_TRUE(runner.Run(items, drop_the_rest).ok());
  EXPECT_EQ(told, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(Starts(items[3]), 0u);
}

TEST_F(ChildBatchRunnerTest, DroppedItemsDoNotRunAgainAfterAFault) {
  const std::vector<v1::EvaluatorItem> items = Numbered(3, 0.5);
  ChildBatchRunner runner(Options({Flag("hang-on", items[0])}));
  std::thread dropper([&] {
    ASSERT_TRUE(Eventually([&] { return Starts(items[0]) == 1; }));
    runner.Drop({1, 2});
  });
  ASSERT_TRUE(Run(runner, items).ok());
  dropper.join();
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_TRUE(results_[3].has_scores());
  EXPECT_EQ(Starts(items[0]), 1u);
  EXPECT_EQ(Starts(items[1]), 0u);
}

TEST_F(ChildBatchRunnerTest, TheResultOfADroppedItemIsNotTold) {
  const std::vector<v1::EvaluatorItem> items = Numbered(3);
  ChildBatchRunner runner(Options());
  std::vector<uint64_t> told;
  const auto drop_the_second = [&](uint64_t id, const v1::ItemResult&) {
    told.push_back(id);
    runner.Drop({2});
  };
  ASSERT_TRUE(runner.Run(items, drop_the_second).ok());
  EXPECT_EQ(told, (std::vector<uint64_t>{1, 3}));
}

TEST_F(ChildBatchRunnerTest, StopEndsTheRunAtOnce) {
  const std::vector<v1::EvaluatorItem> items = Numbered(3);
  ChildBatchRunner runner(Options({Flag("hang-on", items[1])}));
  std::thread stopper([&] {
    ASSERT_TRUE(Eventually([&] { return Starts(items[1]) == 1; }));
    runner.Stop();
  });
  EXPECT_EQ(Run(runner, items).code(), absl::StatusCode::kCancelled);
  stopper.join();
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_EQ(Run(runner, items).code(), absl::StatusCode::kCancelled);
}

TEST_F(ChildBatchRunnerTest, AMissingEvaluatorIsNamed) {
  ChildBatchRunner runner({.program = folder_ / "nowhere", .arguments = {}});
  EXPECT_THAT(std::string(runner.Hello().status().message()), HasSubstr("nowhere"));
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorThatEndsAtOnceIsToldWithItsStatus) {
  ChildBatchRunner runner({.program = Script("exit 5"), .arguments = {}});
  EXPECT_THAT(std::string(runner.Hello().status().message()),
              HasSubstr("script: exited with status 5 before it said hello"));
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorThatSpeaksGarbageIsToldAsSuch) {
  ChildBatchRunner garbage(
      {.program = Script("echo 'hello, worker' >&3; sleep 100"), .arguments = {}});
  EXPECT_THAT(std::string(garbage.Hello().status().message()),
              HasSubstr("broke off: a message of"));
  // A frame of two bytes that is a message, but no hello: a result without anything in it.
  ChildBatchRunner other(
      {.program = Script("printf '\\x02\\0\\0\\0\\x12\\0' >&3; sleep 100"), .arguments = {}});
  EXPECT_THAT(std::string(other.Hello().status().message()), HasSubstr("is no hello"));
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorThatSaysNothingIsGivenUp) {
  ChildBatchRunner runner(
      {.program = Script("sleep 100"), .arguments = {}, .startup_allowance = milliseconds(200)});
  EXPECT_THAT(std::string(runner.Hello().status().message()),
              HasSubstr("took longer than 0.2 s before it said hello"));
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorThatIsAnotherOneAfterAFaultEndsTheRun) {
  const std::vector<v1::EvaluatorItem> items = Numbered(2);
  const std::string changed = folder_ / "changed";
  ChildBatchRunnerOptions options = Options({Flag("crash-on", items[0])});
  options.program = Script("[ -e " + changed + " ] && class=--numeric-class=other; touch " +
                           changed + "\nexec " LATHE_EVALUATOR_SYNTHETIC " \"$@\" $class");
  ChildBatchRunner runner(options);
  const absl::Status status = Run(runner, items);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"other\""));
  EXPECT_TRUE(results_.empty());
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorWithOtherDataAfterAFaultGoesOn) {
  const std::vector<v1::EvaluatorItem> items = Numbered(3);
  const std::string changed = folder_ / "changed";
  ChildBatchRunnerOptions options = Options({Flag("crash-on", items[1])});
  options.program = Script("[ -e " + changed + " ] && name=new || name=old; touch " + changed +
                           "\nexec " LATHE_EVALUATOR_SYNTHETIC " \"$@\" --dataset=$name");
  ChildBatchRunner runner(options);
  ASSERT_EQ(runner.Hello()->datasets(1).name(), "old");
  ASSERT_TRUE(Run(runner, items).ok());
  ExpectScores(items, {2});
  EXPECT_EQ(runner.Hello()->datasets(1).name(), "old") << "what was declared at first";
}

TEST_F(ChildBatchRunnerTest, AnEvaluatorThatCannotBeStartedAnyMoreEndsTheRun) {
  const std::vector<v1::EvaluatorItem> items = Numbered(3);
  const std::string gone = folder_ / "gone";
  ChildBatchRunnerOptions options = Options({Flag("crash-on", items[1])});
  options.program = Script("[ -e " + gone + " ] && exit 9; touch " + gone +
                           "\nexec " LATHE_EVALUATOR_SYNTHETIC " \"$@\"");
  ChildBatchRunner runner(options);
  const absl::Status status = Run(runner, items);
  EXPECT_THAT(std::string(status.message()), HasSubstr("exited with status 9"));
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_TRUE(results_[1].has_scores()) << "what had been evaluated stands";
}

}  // namespace
}  // namespace lathe
