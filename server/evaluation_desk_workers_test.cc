#include <gmock/gmock.h>

#include "server/evaluation_desk.h"
#include "server/testing/desk_fixture.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class EvaluationDeskWorkersTest : public DeskWithWorker {};

TEST_F(EvaluationDeskWorkersTest, HeartbeatsKeepLeasesAndSayWhichAreOver) {
  desk_.Submit(Request(1, 1));
  desk_.Submit(Request(2, 2));
  std::vector<v1::Lease> leases = TakeLeases(worker_);
  ASSERT_EQ(leases.size(), 2u);
  v1::RecordHeartbeatRequest heartbeat;
  heartbeat.set_worker(worker_);
  for (const v1::Lease& lease : leases) *heartbeat.add_tokens() = lease.token();
  v1::LeaseToken& of_an_earlier_server = *heartbeat.add_tokens();
  of_an_earlier_server = leases[0].token();
  of_an_earlier_server.set_epoch(6);
  for (int i = 0; i < 5; ++i) {
    now_ += absl::Seconds(6);
    auto response = desk_.Heartbeat(heartbeat);
    ASSERT_TRUE(response.ok());
    ASSERT_EQ(response->ended_size(), 1);
    EXPECT_EQ(response->ended(0).epoch(), 6);
    desk_.Tick();
  }
  EXPECT_EQ(metrics_.leases_expired.Value(), 0);
  desk_.Forget(client_.get(), Leased::kDrop);
  EXPECT_EQ(desk_.Heartbeat(heartbeat)->ended_size(), 3);
  EXPECT_EQ(Complete(worker_, Result(leases[0])), kPrecondition);
  EXPECT_TRUE(client_->delivered.empty());
}

TEST_F(EvaluationDeskWorkersTest, ASilentWorkerIsForgotten) {
  const auto client = std::make_shared<TestClient>();
  desk_.Subscribe(client);
  now_ += absl::Seconds(14);
  desk_.Tick();
  EXPECT_EQ(desk_.Workers().size(), 1u);
  now_ += absl::Seconds(1);
  desk_.Tick();
  EXPECT_TRUE(desk_.Workers().empty());
  EXPECT_EQ(metrics_.workers_lost.Value(), 1);
  EXPECT_EQ(client->workers_changed, 1);
  v1::RecordHeartbeatRequest heartbeat;
  heartbeat.set_worker(worker_);
  EXPECT_EQ(static_cast<int>(desk_.Heartbeat(heartbeat).status().code()), kNotFound);
}

TEST_F(EvaluationDeskWorkersTest, AWorkerThatLeavesHandsBackWhatItHolds) {
  desk_.Submit(Request(1, 1));
  TakeLeases(worker_);
  v1::UnregisterWorkerRequest request;
  request.set_worker(worker_);
  EXPECT_TRUE(desk_.Unregister(request).ok());
  EXPECT_EQ(TakeLeases(AddWorker()).size(), 1u);
  EXPECT_EQ(metrics_.workers_lost.Value(), 0);
}

TEST_F(EvaluationDeskWorkersTest, AnItemWhoseDataAWorkerLacksWaitsForAnotherWorker) {
  desk_.Subscribe(client_);
  for (int program = 1; program <= 5; ++program) desk_.Submit(Request(program, program));
  const std::vector<v1::Lease> leases = TakeLeases(worker_);
  ASSERT_EQ(leases.size(), 5u);
  for (const v1::Lease& lease : leases) {
    EXPECT_EQ(Complete(worker_, Fault(lease, v1::EvaluationFault::MISSING_DATA)), kOk);
    EXPECT_TRUE(TakeLeases(worker_).empty()) << "it gets no more of them";
  }
  EXPECT_TRUE(client_->delivered.empty());
  EXPECT_GT(client_->workers_changed, 0);
  // What jobs say that they wait for.
  const absl::Status waiting = desk_.FindClass({*ResolveTask({})}, "class-a").status();
  EXPECT_THAT(std::string(waiting.message()),
              AllOf(HasSubstr("no live worker has the dataset digits"),
                    HasSubstr("; test worker says: was killed by signal 11")));
  const std::string other = AddWorker();
  for (auto share = TakeLeases(other); !share.empty(); share = TakeLeases(other)) {
    for (const v1::Lease& lease : share) Complete(other, Result(lease));
  }
  ASSERT_EQ(client_->delivered.size(), 5u);
  for (const auto& [id, delivered] : client_->delivered) EXPECT_TRUE(delivered.result.ok());
}

TEST_F(EvaluationDeskWorkersTest, DataThatAreMissingAreNoAttempt) {
  desk_.Submit(Request(1, 1));
  for (int i = 0; i < 10; ++i) {
    const std::string worker = AddWorker();
    Complete(worker, Fault(TakeLeases(worker).at(0), v1::EvaluationFault::MISSING_DATA));
    EXPECT_TRUE(client_->delivered.empty());
  }
}

TEST_F(EvaluationDeskWorkersTest, WorkGoesToWorkersThatCanDoIt) {
  const std::string other_class = AddWorker("class-b"), no_data = AddWorker("class-a", false);
  desk_.Submit(Request(1, 1));
  EXPECT_TRUE(TakeLeases(other_class).empty());
  EXPECT_TRUE(TakeLeases(no_data).empty());
  EXPECT_EQ(TakeLeases(worker_).size(), 1u);
}

TEST_F(EvaluationDeskWorkersTest, AClassIsFoundWhereTheDataAre) {
  const std::vector<v1::Task> tasks = {*ResolveTask({})};
  EXPECT_EQ(*desk_.FindClass(tasks, ""), "class-a");
  EXPECT_EQ(*desk_.FindClass(tasks, "class-a"), "class-a");
  const absl::Status missing = desk_.FindClass(tasks, "class-b").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("digits"));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("class-b"));
}

TEST_F(EvaluationDeskWorkersTest, AModelGoesToAWorkerThatTrainsIt) {
  v1::Task net;
  net.mutable_conv_net();
  net = *ResolveTask(net);
  const absl::Status none = desk_.FindClass({*ResolveTask({}), net}, "").status();
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(none.message()), HasSubstr("and trains conv_net"));
  const std::string torch = AddWorker("class-a", true, {"conv_net"});
  const std::string both = AddWorker("class-b", true, {"mlp", "conv_net"});
  EXPECT_EQ(*desk_.FindClass({net}, ""), "class-a");
  EXPECT_EQ(*desk_.FindClass({*ResolveTask({}), net}, ""), "class-b");
  DeskRequest request = Request(1, 1);
  request.task = net;
  desk_.Submit(request);
  EXPECT_EQ(TakeLeases(worker_).size(), 0u) << "it said nothing, and trains mlp";
  ASSERT_EQ(TakeLeases(torch).size(), 1u);
}

TEST_F(EvaluationDeskWorkersTest, ACallThatWaitsIsAnsweredByWorkByTimeOrByTheEnd) {
  v1::LeaseEvaluationsRequest request;
  request.set_worker(worker_);
  request.set_max_items(4);
  request.mutable_wait()->set_seconds(5);
  std::vector<absl::StatusOr<v1::LeaseEvaluationsResponse>> answers;
  const auto wait = [&](bool alive) {
    desk_.Lease(
        request, [alive] { return alive; },
        [&](absl::StatusOr<v1::LeaseEvaluationsResponse> answer) {
          answers.push_back(std::move(answer));
        });
  };
  wait(/*alive=*/false);
  wait(/*alive=*/true);
  EXPECT_TRUE(answers.empty());
  desk_.Submit(Request(1, 1));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_FALSE(answers[0].ok()) << "nobody is there to take it";
  ASSERT_TRUE(answers[1].ok());
  EXPECT_EQ(answers[1]->leases_size(), 1);

  wait(true);
  now_ += absl::Seconds(4);
  desk_.Tick();
  EXPECT_EQ(answers.size(), 2u);
  now_ += absl::Seconds(1);
  desk_.Tick();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[2]->leases_size(), 0);

  wait(false);
  desk_.Tick();
  ASSERT_EQ(answers.size(), 4u) << "nobody is there to wait";
  EXPECT_EQ(answers[3]->leases_size(), 0);

  wait(true);
  desk_.Stop();
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[4].status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(EvaluationDeskWorkersTest, WorkIsSharedOutFairly) {
  const std::string other = AddWorker();
  for (uint64_t id = 0; id < 8; ++id) desk_.Submit(Request(id, static_cast<int>(id)));
  EXPECT_EQ(TakeLeases(worker_).size(), 4u);
  EXPECT_EQ(TakeLeases(other).size(), 2u);
}

TEST_F(EvaluationDeskWorkersTest, RegistrationNamesTheFieldThatIsWrong) {
  v1::RegisterWorkerRequest request;
  v1::Worker& worker = *request.mutable_worker();
  const auto refused = [&](const char* field) {
    const absl::Status status = desk_.Register(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  };
  refused("worker.display_name");
  worker.set_display_name(std::string(129, 'x'));
  refused("worker.display_name");
  worker.set_display_name("w");
  refused("worker.numeric_class");
  worker.set_numeric_class("c");
  refused("worker.batch");
  worker.set_batch(1);
  worker.add_datasets()->set_name("digits");
  refused("worker.datasets[0].content_hash");
  worker.mutable_datasets(0)->set_content_hash("bda8267fc78a7c5b5eeec1e0241a6a7e");
  EXPECT_TRUE(desk_.Register(request).ok());
}

}  // namespace
}  // namespace lathe
