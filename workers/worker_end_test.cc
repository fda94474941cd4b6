#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "workers/testing/worker_fixture.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Seen = FakeWorkerService::Seen;

TEST_F(WorkerTest, DrainFinishesWhatRunsAndHandsBackTheRest) {
  server_->Start();
  AddItems(0, 9);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5, 6, 7})));
  worker_->Drain();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3})));
  runner_.Allow(10);
  EXPECT_TRUE(outcome_.get().ok());
  const Seen seen = server_->Read();
  EXPECT_THAT(ItemsOf(seen.accepted), UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(runner_.Started(), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(seen.calls.back(), "unregister");
}

TEST_F(WorkerTest, TheServerMayDrainItWhenItAsksForWork) {
  server_->SetHeartbeatInterval(3600);
  server_->Start();
  AddItems(0, 0);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  server_->SetDrain();
  runner_.Allow(1);
  EXPECT_TRUE(outcome_.get().ok());
  EXPECT_EQ(server_->Read().accepted.size(), 1u);
}

TEST_F(WorkerTest, TheServerMayDrainItByAHeartbeat) {
  options_.lease_wait = std::chrono::hours(1);
  server_->Start();
  AddItems(0, 0);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  server_->SetDrain();
  runner_.Allow(1);
  EXPECT_TRUE(outcome_.get().ok());
  EXPECT_EQ(server_->Read().accepted.size(), 1u);
}

TEST_F(WorkerTest, DrainEndsAWorkerThatHasNoServer) {
  StartWorker();
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, DrainDoesNotWaitForAServerThatWaitsForWork) {
  options_.lease_wait = std::chrono::hours(1);
  server_->SetHeartbeatInterval(3600);
  server_->Start();
  AddItems(0, 0);
  runner_.Allow(1);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Accepted(1)));
  worker_->Drain();
  EXPECT_EQ(outcome_.wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(WorkerTest, DrainBeforeRunEndsIt) {
  server_->Start();
  stub_ = v1::WorkerService::NewStub(
      OpenChannel(*ParseAddress("unix:" + (folder_ / "socket").string())));
  worker_.emplace(*stub_, runner_, options_);
  worker_->Drain();
  EXPECT_TRUE(worker_->Run().ok());
}

TEST_F(WorkerTest, DrainGivesUpOnAServerThatIsGone) {
  options_.give_up_after = milliseconds(50);
  server_->Start();
  AddItems(0, 1);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  server_->Shutdown();
  worker_->Drain();
  runner_.Allow(2);
  EXPECT_THAT(std::string(outcome_.get().message()), HasSubstr("2 results could not be reported"));
}

TEST_F(WorkerTest, DrainGivesUpOnAServerThatTakesNothing) {
  options_.give_up_after = milliseconds(50);
  server_->Start();
  server_->SetOnComplete([](const auto&) { return absl::ResourceExhaustedError("full"); });
  AddItems(0, 0);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  worker_->Drain();
  runner_.Allow(1);
  EXPECT_EQ(outcome_.get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(WorkerTest, StopEndsItAtOnceAndHandsBack) {
  server_->Start();
  AddItems(0, 9);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  worker_->Stop();
  EXPECT_EQ(outcome_.get().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server_->Read().unregistered.size(), 1u);
  EXPECT_THAT(server_->Read().offered, IsEmpty());
}

TEST_F(WorkerTest, AServerThatWillNotHaveItEndsIt) {
  server_->SetRefusal(absl::InvalidArgumentError("worker.batch: 4 is not allowed"));
  server_->Start();
  StartWorker();
  const absl::Status status = outcome_.get();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "worker.batch: 4 is not allowed");
}

TEST_F(WorkerTest, AServerThatWillNotHaveItBackEndsIt) {
  server_->Start();
  AddItems(0, 0);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  server_->SetRefusal(absl::InvalidArgumentError("another numeric class"));
  server_->Forget();
  EXPECT_EQ(std::string(outcome_.get().message()), "another numeric class");
}

TEST_F(WorkerTest, AServerThatIsOnlyBusyIsAskedAgain) {
  server_->SetRefusal(absl::ResourceExhaustedError("too many workers"));
  server_->Start();
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.registrations.size() >= 3; }));
  server_->SetRefusal(absl::OkStatus());
  EXPECT_TRUE(server_->WaitUntil([](const Seen& seen) { return !seen.heartbeats.empty(); }));
}

TEST_F(WorkerTest, AnEvaluatorThatFailsForGoodEndsItAfterItsResultsAreReported) {
  server_->Start();
  AddItems(0, 3);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  runner_.Allow(1);
  ASSERT_TRUE(runner_.WaitUntilStarted(2));
  runner_.Fail(absl::FailedPreconditionError("the evaluator has changed"));
  runner_.Allow(1);
  EXPECT_EQ(std::string(outcome_.get().message()), "the evaluator has changed");
  EXPECT_THAT(ItemsOf(server_->Read().accepted), ElementsAre(0));
  EXPECT_EQ(server_->Read().unregistered.size(), 1u);
}

TEST_F(WorkerTest, WithoutAnyDataItDoesNotRegister) {
  server_->Start();
  runner_.hello.clear_datasets();
  runner_.hello.add_missing_datasets()->set_reason("digits.csv.gz: cannot be opened");
  StartWorker();
  EXPECT_THAT(std::string(outcome_.get().message()), HasSubstr("digits.csv.gz: cannot be opened"));
  EXPECT_THAT(server_->Read().registrations, IsEmpty());
}

}  // namespace
}  // namespace lathe
