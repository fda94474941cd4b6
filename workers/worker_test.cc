#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "evaluators/task/declared_data.h"
#include "workers/testing/worker_fixture.h"

namespace lathe {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Seen = FakeWorkerService::Seen;

TEST_F(WorkerTest, RegistersWithWhatItsEvaluatorSays) {
  server_->Start();
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return !seen.calls.empty(); }));
  const v1::Worker worker = server_->Read().registrations[0].worker();
  EXPECT_EQ(worker.name(), "");
  EXPECT_EQ(worker.display_name(), "the worker");
  EXPECT_EQ(worker.numeric_class(), "of-the-test");
  EXPECT_EQ(worker.device(), "abacus");
  EXPECT_EQ(worker.batch(), 4);
  EXPECT_EQ(worker.datasets_size(), 1);
  ASSERT_EQ(worker.models_size(), 1);
  EXPECT_EQ(worker.models(0), "conv_net");
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, DeclaresAsManyDatasetsAsAServerTakesTheShippedOnesFirst) {
  runner_.hello.clear_datasets();
  for (int i = 0; i < kMaxDeclaredDatasets + 7; ++i) {
    runner_.hello.add_datasets()->set_name(absl::StrCat("a", i));
    runner_.hello.add_missing_datasets()->set_name(absl::StrCat("b", i));
  }
  runner_.hello.add_datasets()->set_name("digits");
  server_->Start();
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return !seen.calls.empty(); }));
  const v1::Worker worker = server_->Read().registrations[0].worker();
  ASSERT_EQ(worker.datasets_size(), kMaxDeclaredDatasets);
  EXPECT_EQ(worker.datasets(0).name(), "digits");
  EXPECT_EQ(worker.datasets(1).name(), "a0");
  EXPECT_EQ(worker.missing_datasets_size(), kMaxDeclaredDatasets);
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, RegistersWithoutDataThatCannotBeUsedAnyMore) {
  v1::WorkerDataset& digits = *runner_.hello.mutable_datasets(0);
  digits.set_content_hash(ShippedDatasets().at("digits").content_hash());
  runner_.hello.add_datasets()->set_name("mine");
  runner_.ReportMissingData("/data/digits: is cut off");
  server_->Start();
  AddItems(0, 1);
  runner_.Allow(2);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Accepted(2)));
  const v1::EvaluationFault fault = server_->Read().accepted[0].fault();
  EXPECT_EQ(fault.kind(), v1::EvaluationFault::MISSING_DATA);
  EXPECT_EQ(fault.message(), "/data/digits: is cut off");
  EXPECT_EQ(server_->Read().registrations.size(), 1u) << "the fault says it";
  server_->Forget();
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.registrations.size() == 2; }));
  const v1::Worker worker = server_->Read().registrations[1].worker();
  ASSERT_EQ(worker.datasets_size(), 1);
  EXPECT_EQ(worker.datasets(0).name(), "mine");
  ASSERT_EQ(worker.missing_datasets_size(), 1);
  EXPECT_EQ(worker.missing_datasets(0).name(), "digits");
  EXPECT_EQ(worker.missing_datasets(0).reason(), "/data/digits: is cut off");
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, CompletesWhatItLeasesOnceAndWithItsToken) {
  server_->Start();
  AddItems(0, 199);
  runner_.Allow(200);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Accepted(200)));
  EXPECT_TRUE(DrainAndWait().ok());
  const Seen seen = server_->Read();
  std::set<int64_t> items;
  for (const v1::ItemResult& result : seen.accepted) {
    items.insert(result.token().item());
    EXPECT_EQ(result.token().epoch(), 1);
    EXPECT_EQ(result.token().grant(), 1);
    EXPECT_EQ(result.program_hash(), ScaledGradient(0.5).hash.Hex());
    EXPECT_EQ(result.scores().seeds(0).objective(), result.token().item());
  }
  EXPECT_EQ(seen.offered.size(), 200u);
  EXPECT_EQ(items.size(), 200u);
  EXPECT_THAT(seen.unregistered, ElementsAre("workers/0000000000000001"));
}

TEST_F(WorkerTest, LeasesABatchAheadAndNamesAllItHoldsInHeartbeats) {
  server_->Start();
  AddItems(0, 19);
  StartWorker();
  EXPECT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5, 6, 7})));
  EXPECT_EQ(server_->Read().granted.size(), 8u);
  // A result that the server could not store is held on to.
  server_->SetOnComplete([](const auto&) { return absl::UnavailableError("disk full"); });
  runner_.Allow(1);
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.offered.size() >= 3; }));
  const size_t before = server_->Read().heartbeats.size();
  ASSERT_TRUE(
      server_->WaitUntil([&](const Seen& seen) { return seen.heartbeats.size() > before + 1; }));
  EXPECT_EQ(HeldItems(server_->Read().heartbeats.back()),
            (std::set<int64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  server_->SetOnComplete(nullptr);
  EXPECT_TRUE(server_->WaitUntil(Holds({1, 2, 3, 4, 5, 6, 7})));
  EXPECT_THAT(ItemsOf(server_->Read().accepted), ElementsAre(0));
}

TEST_F(WorkerTest, SendsAResultRightAwayWhileTheBatchRuns) {
  server_->Start();
  AddItems(0, 3);
  StartWorker();
  runner_.Allow(2);
  EXPECT_TRUE(server_->WaitUntil(Accepted(2)));
  EXPECT_TRUE(runner_.WaitUntilStarted(3));
}

TEST_F(WorkerTest, DropsAResultThatIsRefused) {
  server_->Start();
  server_->SetOnComplete([](const v1::ItemResult& result) {
    return result.token().item() == 1 ? absl::FailedPreconditionError("run out") : absl::OkStatus();
  });
  AddItems(0, 5);
  runner_.Allow(6);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Accepted(5)));
  EXPECT_TRUE(server_->WaitUntil(Holds({})));
  EXPECT_TRUE(DrainAndWait().ok());
  EXPECT_EQ(server_->Read().offered.size(), 6u) << "none is sent twice";
}

TEST_F(WorkerTest, WaitsForAServerThatIsNotThereYet) {
  StartWorker();
  AddItems(0, 0);
  runner_.Allow(1);
  server_->Start();
  EXPECT_TRUE(server_->WaitUntil(Accepted(1)));
}

TEST_F(WorkerTest, KeepsItsResultsWhileTheServerIsAway) {
  server_->Start();
  AddItems(0, 3);
  StartWorker();
  ASSERT_TRUE(runner_.WaitUntilStarted(1));
  server_->Shutdown();
  runner_.Allow(4);
  ASSERT_TRUE(runner_.WaitUntilStarted(4));
  server_->Start();
  ASSERT_TRUE(server_->WaitUntil(Accepted(4)));
  EXPECT_THAT(ItemsOf(server_->Read().accepted), UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, RegistersAgainWhereItIsNotKnownAndRenewsItsLeasesFirst) {
  server_->Start();
  AddItems(0, 7);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5, 6, 7})));
  AddItems(8, 9);
  server_->Forget();
  runner_.Allow(6);
  ASSERT_TRUE(server_->WaitUntil(Accepted(6)));
  EXPECT_THAT(runner_.Started(), ElementsAre(0, 1, 2, 3, 8, 9)) << "4 to 7 were not begun";
  const Seen seen = server_->Read();
  ASSERT_EQ(seen.registrations.size(), 2u);
  EXPECT_EQ(seen.registrations[1].worker().name(), "workers/0000000000000001");
  const auto again = std::find(seen.calls.rbegin(), seen.calls.rend(), "register").base();
  EXPECT_LT(std::find(again, seen.calls.end(), "heartbeat"),
            std::find(again, seen.calls.end(), "lease"));
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, BeginsNothingWhileItsServerIsAway) {
  server_->Start();
  AddItems(0, 7);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5, 6, 7})));
  server_->Shutdown();
  runner_.Allow(5);
  ASSERT_TRUE(runner_.WaitUntilStarted(4));
  server_->Forget();
  server_->Start();
  ASSERT_TRUE(server_->WaitUntil(Accepted(4)));
  AddItems(8, 8);
  ASSERT_TRUE(server_->WaitUntil(Accepted(5)));
  EXPECT_THAT(runner_.Started(), ElementsAre(0, 1, 2, 3, 8));
}

TEST_F(WorkerTest, WhatItHasLeasedAheadGoesOnWithAServerThatWasOnlyAway) {
  server_->Start();
  AddItems(0, 5);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5})));
  server_->Shutdown();
  runner_.Allow(6);
  ASSERT_TRUE(runner_.WaitUntilStarted(4));
  server_->Start();
  EXPECT_TRUE(server_->WaitUntil(Accepted(6)));
}

TEST_F(WorkerTest, DoesNotWaitForAHeartbeatToRegisterAgain) {
  server_->SetHeartbeatInterval(3600);
  server_->Start();
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return !seen.calls.empty(); }));
  server_->Forget();
  EXPECT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.registrations.size() == 2; }));
}

TEST_F(WorkerTest, DropsWhatTheServerSaysIsOver) {
  server_->Start();
  AddItems(0, 5);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5})));
  for (int item : {0, 2, 5}) server_->End(server_->Read().granted[item]);
  ASSERT_TRUE(server_->WaitUntil(Holds({1, 3, 4})));
  runner_.Allow(3);
  ASSERT_TRUE(server_->WaitUntil(Accepted(3)));
  EXPECT_TRUE(DrainAndWait().ok());
  EXPECT_THAT(ItemsOf(server_->Read().offered), UnorderedElementsAre(1, 3, 4));
  EXPECT_THAT(runner_.Started(), Not(Contains(5)));
}

}  // namespace
}  // namespace lathe
