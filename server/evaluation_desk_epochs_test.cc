// Leases that outlive the server that granted them.
#include <gmock/gmock.h>

#include "rpc/status.h"
#include "server/testing/desk_fixture.h"

namespace lathe {
namespace {

// `desk_` is the server that has died, `next_` the one that follows it.
class EvaluationDeskEpochsTest : public DeskFixture {
 protected:
  EvaluationDeskEpochsTest() : next_(store_, metrics_, NextOptions()) {
    desk_.Submit(Request(1, 1));
    old_worker_ = AddWorker();
    old_lease_ = TakeLeases(old_worker_).at(0);
    worker_ = Join("class-a");
  }

  DeskOptions NextOptions() {
    DeskOptions options = Options();
    options.epoch = 8;
    options.settle_time = absl::Seconds(30);
    return options;
  }

  std::string Join(const std::string& numeric_class) {
    v1::RegisterWorkerRequest request;
    request.mutable_worker()->set_display_name("test worker");
    request.mutable_worker()->set_numeric_class(numeric_class);
    request.mutable_worker()->set_batch(8);
    v1::WorkerDataset& dataset = *request.mutable_worker()->add_datasets();
    dataset.set_name("digits");
    dataset.set_content_hash(ShippedDatasets().at("digits").content_hash());
    return next_.Register(request)->worker().name();
  }
  std::vector<v1::Lease> Lease(const std::string& worker) {
    v1::LeaseEvaluationsRequest request;
    request.set_worker(worker);
    request.set_max_items(10);
    std::vector<v1::Lease> leases;
    next_.Lease(
        request, [] { return true; },
        [&](auto response) {
          leases.assign(response->leases().begin(), response->leases().end());
        });
    return leases;
  }
  int Send(const std::string& worker, const v1::ItemResult& result) {
    v1::CompleteEvaluationsRequest request;
    request.set_worker(worker);
    *request.add_results() = result;
    return next_.Complete(request)->statuses(0).code();
  }
  int EndedByHeartbeat(int64_t grant = 1) {
    v1::RecordHeartbeatRequest request;
    request.set_worker(worker_);
    *request.add_tokens() = old_lease_.token();
    request.mutable_tokens(0)->set_grant(grant);
    return next_.Heartbeat(request)->ended_size();
  }

  int Complete(const v1::Lease& lease) { return DeskFixture::Complete(old_worker_, Result(lease)); }

  EvaluationDesk next_;
  std::string old_worker_;
  v1::Lease old_lease_;
  std::string worker_;
};

TEST_F(EvaluationDeskEpochsTest, ACompletionTakesUpItsItem) {
  // The job is not back yet.
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kUnavailable);
  EXPECT_EQ(metrics_.completions_refused.Value(), 0);
  next_.Submit(Request(1, 1));
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kOk);
  ASSERT_TRUE(client_->delivered.contains(1));
  EXPECT_TRUE(client_->delivered.at(1).result.ok());
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kOk) << "an answer that got lost is given again";
  EXPECT_TRUE(Lease(worker_).empty());
  EXPECT_EQ(metrics_.evaluations.Value(), 2);  // of two seeds
  EXPECT_EQ(EndedByHeartbeat(2), 1) << "who was granted it before need not begin";
}

TEST_F(EvaluationDeskEpochsTest, AHeartbeatTakesUpItsItem) {
  EXPECT_EQ(EndedByHeartbeat(), 0);
  next_.Submit(Request(1, 1));
  EXPECT_EQ(EndedByHeartbeat(), 0);
  const std::string other = Join("class-a");
  EXPECT_TRUE(Lease(other).empty()) << "the item is granted twice";
  // It is renewed as any other lease.
  for (int i = 0; i < 5; ++i) {
    now_ += absl::Seconds(9);
    EXPECT_EQ(EndedByHeartbeat(), 0);
    EXPECT_TRUE(Lease(other).empty());
    next_.Tick();
  }
  EXPECT_EQ(Send(other, Result(old_lease_)), kPrecondition) << "of a worker that does not hold it";
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kOk);
  EXPECT_TRUE(client_->delivered.contains(1));
}

TEST_F(EvaluationDeskEpochsTest, AnItemThatIsGrantedAgainIsNotTakenUp) {
  next_.Submit(Request(1, 1));
  const std::string other = Join("class-a");
  const std::vector<v1::Lease> leases = Lease(other);
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_EQ(EndedByHeartbeat(), 1);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kPrecondition);
  EXPECT_EQ(metrics_.completions_refused.Value(), 1);
  EXPECT_TRUE(client_->delivered.empty());
  EXPECT_EQ(Send(other, Result(leases[0])), kOk);
  EXPECT_TRUE(client_->delivered.contains(1));
}

TEST_F(EvaluationDeskEpochsTest, ATokenOfAnEarlierServerIsNoneOfThisOne) {
  // The same program with other seeds, under the numbers that the earlier server gave.
  next_.Submit(Request(1, 1, {2, 3}));
  const std::vector<v1::Lease> leases = Lease(worker_);
  ASSERT_EQ(leases.size(), 1u);
  ASSERT_EQ(leases[0].token().item(), old_lease_.token().item());
  ASSERT_EQ(leases[0].token().grant(), old_lease_.token().grant());
  now_ += absl::Seconds(31);
  EXPECT_EQ(EndedByHeartbeat(), 1);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kPrecondition);
  EXPECT_TRUE(client_->delivered.empty());
}

TEST_F(EvaluationDeskEpochsTest, WhatNobodyAsksForWithinTheSettlingTimeIsOver) {
  next_.Submit(Request(2, 2));  // another item
  now_ += absl::Seconds(9);
  EXPECT_EQ(EndedByHeartbeat(), 0);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kUnavailable);
  for (int i = 0; i < 3; ++i) {
    now_ += absl::Seconds(8);
    EndedByHeartbeat();
  }
  EXPECT_EQ(EndedByHeartbeat(), 1);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kPrecondition);
}

TEST_F(EvaluationDeskEpochsTest, ALeaseThatWasTakenUpRunsOutAsAnyOther) {
  next_.Submit(Request(1, 1));
  EXPECT_EQ(EndedByHeartbeat(), 0);
  now_ += absl::Seconds(10);
  next_.Tick();
  const std::string other = Join("class-a");
  EXPECT_EQ(metrics_.leases_expired.Value(), 1);
  ASSERT_EQ(Lease(other).size(), 1u);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kPrecondition);
}

// The server died between writing a result and saying so.
TEST_F(EvaluationDeskEpochsTest, WhatIsRecordedAlreadyIsAcknowledged) {
  EXPECT_EQ(Complete(old_lease_), kOk);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kUnavailable);
  next_.Submit(Request(3, 1));
  EXPECT_EQ(client_->delivered.at(3).sources.from_store(), 2u);
  EXPECT_EQ(EndedByHeartbeat(), 1);
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kOk);
  EXPECT_EQ(metrics_.evaluations.Value(), 2);
}

// A repeat has no key, and so has a token of a worker that knows none: neither is the other.
TEST_F(EvaluationDeskEpochsTest, ARepeatAcknowledgesNoResultOfAnEarlierServer) {
  DeskRequest repeat = Request(5, 5);
  repeat.repeat = true;
  next_.Submit(repeat);
  EXPECT_EQ(Send(worker_, Result(Lease(worker_).at(0))), kOk);
  ASSERT_TRUE(client_->delivered.contains(5));
  old_lease_.mutable_token()->clear_item_key();
  EXPECT_EQ(Send(worker_, Result(old_lease_)), kUnavailable);
  EXPECT_EQ(EndedByHeartbeat(), 0);
}

// A pause: nobody waits for the item any more, and what its worker finds is kept.
TEST_F(EvaluationDeskEpochsTest, WhatAWorkerIsAtIsRecordedThoughNobodyWaits) {
  next_.Submit(Request(1, 1));
  next_.Submit(Request(2, 2));
  const std::vector<v1::Lease> leases = Lease(worker_);
  ASSERT_EQ(leases.size(), 2u);
  next_.Submit(Request(3, 3));  // stays in the queue
  next_.Forget(client_.get(), Leased::kFinish);
  EXPECT_TRUE(Lease(worker_).empty());
  EXPECT_EQ(Send(worker_, Result(leases[0])), kOk);
  EXPECT_TRUE(client_->delivered.empty());
  next_.Submit(Request(4, 1));
  EXPECT_EQ(client_->delivered.at(4).sources.from_store(), 2u);
  // The other one fails, and nobody is there for whom it would be tried again.
  EXPECT_EQ(Send(worker_, Fault(leases[1], v1::EvaluationFault::CRASHED)), kOk);
  EXPECT_TRUE(Lease(worker_).empty());
}

// The results of one call are one write.
TEST_F(EvaluationDeskEpochsTest, AFailedWriteRefusesAllResultsOfACall) {
  next_.Submit(Request(1, 1));
  next_.Submit(Request(2, 2));
  const std::vector<v1::Lease> leases = Lease(worker_);
  v1::CompleteEvaluationsRequest request;
  request.set_worker(worker_);
  for (const v1::Lease& lease : leases) *request.add_results() = Result(lease);
  *request.add_results() = Result(leases[0]);  // twice in one call
  const uint64_t writes = store_.Writes();
  store_.FailWrite(1, absl::ResourceExhaustedError("the disk is full"));
  const auto refused = next_.Complete(request);
  EXPECT_EQ(store_.Writes(), writes + 1);
  for (const auto& status : refused->statuses()) {
    EXPECT_EQ(status.code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  }
  EXPECT_TRUE(client_->delivered.empty());
  const auto accepted = next_.Complete(request);
  for (const auto& status : accepted->statuses()) EXPECT_EQ(status.code(), kOk);
  EXPECT_EQ(store_.Writes(), writes + 2);
  EXPECT_EQ(client_->delivered.size(), 2u);
  EXPECT_EQ(metrics_.evaluations.Value(), 4);
}

}  // namespace
}  // namespace lathe
