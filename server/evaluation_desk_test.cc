#include "server/evaluation_desk.h"

#include <gmock/gmock.h>

#include "server/testing/desk_fixture.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EvaluationDeskTest : public DeskWithWorker {};

TEST_F(EvaluationDeskTest, WhatAWorkerFindsIsDeliveredAndAnsweredFromTheStoreLater) {
  desk_.Submit(Request(1, 1));
  std::vector<v1::Lease> leases = TakeLeases(worker_);
  ASSERT_EQ(leases.size(), 1u);
  const v1::EvaluationItem& item = leases[0].item();
  EXPECT_EQ(item.program_text(), TestProgram(1)->text);
  EXPECT_EQ(item.program_hash(), TestProgram(1)->hash.Hex());
  EXPECT_THAT(item.seed_indices(), ElementsAre(0, 1));
  EXPECT_GE(item.allowance().seconds(), 1);
  EXPECT_TRUE(client_->delivered.empty());
  EXPECT_EQ(Complete(worker_, Result(leases[0])), kOk);
  ASSERT_TRUE(client_->delivered.at(1).result.ok());
  EXPECT_THAT(Objectives(*client_->delivered.at(1).result), ElementsAre(Score(0), Score(1)));
  EXPECT_EQ(client_->delivered.at(1).sources.run(), 2u);

  desk_.Submit(Request(2, 1));
  EXPECT_EQ(client_->delivered.at(2).sources.from_store(), 2u);
  EXPECT_THAT(Objectives(*client_->delivered.at(2).result), ElementsAre(Score(0), Score(1)));
  EXPECT_TRUE(TakeLeases(worker_).empty());
  EXPECT_EQ(metrics_.evaluations.Value(), 2);
  EXPECT_EQ(metrics_.cache_hits.Value(), 2);
}

TEST_F(EvaluationDeskTest, OnlyTheSeedsThatAreMissingRun) {
  desk_.Submit(Request(1, 1, {0, 1}));
  Complete(worker_, Result(TakeLeases(worker_).at(0)));
  desk_.Submit(Request(2, 1, {2, 1, 0, 3}));
  std::vector<v1::Lease> leases = TakeLeases(worker_);
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_THAT(leases[0].item().seed_indices(), ElementsAre(2, 3));
  Complete(worker_, Result(leases[0]));
  EXPECT_THAT(Objectives(*client_->delivered.at(2).result),
              ElementsAre(Score(2), Score(1), Score(0), Score(3)));
}

// Everything that an outcome follows from is part of the key.
TEST_F(EvaluationDeskTest, AnotherTaskSeedClassOrMeasureIsAnotherEvaluation) {
  AddWorker("class-b");
  desk_.Submit(Request(1, 1, {0}));
  Complete(worker_, Result(TakeLeases(worker_).at(0)));
  DeskRequest other_task = Request(2, 1, {0});
  other_task.task.set_seed(99);
  desk_.Submit(std::move(other_task));
  DeskRequest other_rate = Request(3, 1, {0});
  other_rate.task.set_base_lr(0.125);
  desk_.Submit(std::move(other_rate));
  DeskRequest with_test = Request(4, 1, {0});
  with_test.measure_test = true;
  desk_.Submit(std::move(with_test));
  DeskRequest other_class = Request(5, 1, {0});
  other_class.numeric_class = "class-b";
  desk_.Submit(std::move(other_class));
  DeskRequest more_seeds = Request(6, 1, {0});
  more_seeds.task.set_seeds(17);  // how many are averaged is not what one of them scores
  desk_.Submit(std::move(more_seeds));
  EXPECT_EQ(client_->delivered.count(6), 1u);
  EXPECT_EQ(client_->delivered.size(), 2u);
  EXPECT_EQ(TakeLeases(worker_).size(), 3u);
}

TEST_F(EvaluationDeskTest, ATextWithTheHashOfAnotherIsNeitherAnsweredNorRecorded) {
  desk_.Submit(Request(1, 1, {0}));
  Complete(worker_, Result(TakeLeases(worker_).at(0)));
  CanonicalForm impostor = *TestProgram(2);
  impostor.hash = TestProgram(1)->hash;
  for (uint64_t id : {2, 3}) {
    DeskRequest request = Request(id, 2, {0});
    request.program = std::make_shared<const CanonicalForm>(impostor);
    desk_.Submit(std::move(request));
    std::vector<v1::Lease> leases = TakeLeases(worker_);
    ASSERT_EQ(leases.size(), 1u) << id;
    EXPECT_EQ(leases[0].item().program_text(), impostor.text);
    EXPECT_EQ(Complete(worker_, Result(leases[0])), kOk);
    EXPECT_EQ(client_->delivered.count(id), 1u);
  }
}

TEST_F(EvaluationDeskTest, EqualRequestsShareOneItem) {
  auto other = std::make_shared<TestClient>();
  desk_.Submit(Request(1, 1));
  DeskRequest same = Request(1, 1);
  same.client = other;
  desk_.Submit(std::move(same));
  std::vector<v1::Lease> leases = TakeLeases(worker_);
  ASSERT_EQ(leases.size(), 1u);
  Complete(worker_, Result(leases[0]));
  EXPECT_EQ(client_->delivered.at(1).sources.run(), 2u);
  EXPECT_EQ(other->delivered.at(1).sources.run(), 0u);
  EXPECT_EQ(other->delivered.at(1).sources.merged(), 2u);
  EXPECT_EQ(Objectives(*other->delivered.at(1).result),
            Objectives(*client_->delivered.at(1).result));
  EXPECT_EQ(metrics_.evaluations_merged.Value(), 2);
}

TEST_F(EvaluationDeskTest, WhoeverWantsMoreThanADivergedItemRanGetsTheRest) {
  DeskRequest stops = Request(1, 1, {0, 1, 2});
  stops.stop_at_divergence = true;
  desk_.Submit(std::move(stops));
  desk_.Submit(Request(2, 1, {0, 1, 2}));
  v1::Lease lease = TakeLeases(worker_).at(0);
  v1::ItemResult result = Result(lease);
  result.mutable_scores()->mutable_seeds()->DeleteSubrange(1, 2);
  result.mutable_scores()->mutable_seeds(0)->set_diverged(true);
  EXPECT_EQ(Complete(worker_, result), kOk);
  ASSERT_EQ(client_->delivered.count(1), 1u);
  EXPECT_EQ(client_->delivered.at(1).result->size(), 1u);
  EXPECT_EQ(client_->delivered.count(2), 0u);
  std::vector<v1::Lease> rest = TakeLeases(worker_);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_THAT(rest[0].item().seed_indices(), ElementsAre(1, 2));
  Complete(worker_, Result(rest[0]));
  EXPECT_EQ(client_->delivered.at(2).result->size(), 3u);
}

TEST_F(EvaluationDeskTest, ADivergenceInTheStoreEndsARequestThatStopsThere) {
  desk_.Submit(Request(1, 1, {0}));
  v1::ItemResult result = Result(TakeLeases(worker_).at(0));
  result.mutable_scores()->mutable_seeds(0)->set_diverged(true);
  Complete(worker_, result);
  DeskRequest stops = Request(2, 1, {0, 1});
  stops.stop_at_divergence = true;
  desk_.Submit(std::move(stops));
  ASSERT_EQ(client_->delivered.count(2), 1u);
  EXPECT_TRUE(client_->delivered.at(2).result->at(0).diverged);
  EXPECT_TRUE(TakeLeases(worker_).empty());
}

TEST_F(EvaluationDeskTest, ALeaseThatRunsOutGoesToAnotherAndTheLateResultIsRefused) {
  desk_.Submit(Request(1, 1));
  v1::Lease lost = TakeLeases(worker_).at(0);
  now_ += absl::Seconds(9);
  desk_.Tick();
  const std::string other = AddWorker();
  EXPECT_TRUE(TakeLeases(other).empty());
  now_ += absl::Seconds(2);
  desk_.Tick();
  EXPECT_EQ(metrics_.leases_expired.Value(), 1);
  EXPECT_EQ(metrics_.evaluations_retried.Value(), 1);
  EXPECT_THAT(client_->warnings, ElementsAre(HasSubstr("ran out")));
  v1::Lease again = TakeLeases(other).at(0);
  EXPECT_EQ(Complete(worker_, Result(lost)), kPrecondition);
  EXPECT_EQ(metrics_.completions_refused.Value(), 1);
  EXPECT_TRUE(client_->delivered.empty());
  EXPECT_EQ(Complete(other, Result(again)), kOk);
  EXPECT_EQ(client_->delivered.size(), 1u);
}

TEST_F(EvaluationDeskTest, AnItemThatFailsTooOftenIsGivenUp) {
  desk_.Submit(Request(1, 1));
  for (auto kind : {v1::EvaluationFault::CRASHED, v1::EvaluationFault::DEADLINE}) {
    EXPECT_EQ(Complete(worker_, Fault(TakeLeases(worker_).at(0), kind)), kOk);
    EXPECT_TRUE(client_->delivered.empty());
  }
  EXPECT_EQ(Complete(worker_, Fault(TakeLeases(worker_).at(0), v1::EvaluationFault::ERROR)), kOk);
  const absl::Status status = client_->delivered.at(1).result.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("failed 3 times"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("was killed by signal 11"));
  EXPECT_TRUE(TakeLeases(worker_).empty());
}

TEST_F(EvaluationDeskTest, BeingKilledFromOutsideIsNoFailureOfAnItem) {
  desk_.Submit(Request(1, 1));
  for (int i = 0; i < 10; ++i) {
    Complete(worker_, Fault(TakeLeases(worker_).at(0), v1::EvaluationFault::KILLED));
  }
  EXPECT_EQ(Complete(worker_, Result(TakeLeases(worker_).at(0))), kOk);
  EXPECT_TRUE(client_->delivered.at(1).result.ok());
}

TEST_F(EvaluationDeskTest, AResultThatCannotBeStoredIsNotDeliveredAndMayComeAgain) {
  desk_.Submit(Request(1, 1));
  v1::Lease lease = TakeLeases(worker_).at(0);
  store_.FailWrite(1, absl::ResourceExhaustedError("the disk is full"));
  EXPECT_EQ(Complete(worker_, Result(lease)),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(client_->delivered.empty());
  EXPECT_EQ(Complete(worker_, Result(lease)), kOk);
  EXPECT_EQ(client_->delivered.size(), 1u);
}

TEST_F(EvaluationDeskTest, TheSameTokenAgainGetsTheSameAnswer) {
  desk_.Submit(Request(1, 1));
  v1::Lease lease = TakeLeases(worker_).at(0);
  EXPECT_EQ(Complete(worker_, Result(lease)), kOk);
  EXPECT_EQ(Complete(worker_, Result(lease)), kOk);
  EXPECT_EQ(metrics_.evaluations.Value(), 2);  // of two seeds, once
}

TEST_F(EvaluationDeskTest, ResultsThatCannotBeTheItemsAreRefused) {
  desk_.Submit(Request(1, 1));
  const v1::Lease lease = TakeLeases(worker_).at(0);
  v1::ItemResult too_few = Result(lease), too_many = Result(lease), none = Result(lease),
                 other_program = Result(lease), early_end = Result(lease);
  too_few.mutable_scores()->mutable_seeds()->RemoveLast();
  too_many.mutable_scores()->add_seeds();
  none.clear_scores();
  other_program.set_program_hash(TestProgram(2)->hash.Hex());
  early_end.mutable_scores()->mutable_seeds()->RemoveLast();
  early_end.mutable_scores()->mutable_seeds(0)->set_diverged(true);  // was not to stop there
  for (const v1::ItemResult& wrong : {too_few, too_many, none, other_program, early_end}) {
    EXPECT_EQ(Complete(worker_, wrong), kInvalid) << wrong.DebugString();
  }
  v1::ItemResult earlier_server = Result(lease);
  earlier_server.mutable_token()->set_epoch(6);
  EXPECT_EQ(Complete(worker_, earlier_server), kPrecondition);
  EXPECT_TRUE(client_->delivered.empty());
  EXPECT_EQ(Complete(worker_, Result(lease)), kOk);
}

}  // namespace
}  // namespace lathe
