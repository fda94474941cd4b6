#include "workers/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <future>
#include <optional>
#include <set>

#include "rpc/channel.h"
#include "workers/testing/fake_worker_service.h"
#include "workers/testing/items.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Seen = FakeWorkerService::Seen;

// Evaluates as many items as it is allowed to; the objective is the item's seed index.
class FakeRunner : public BatchRunner {
 public:
  absl::StatusOr<v1::EvaluatorHello> Hello() override { return hello; }

  absl::Status Run(const std::vector<v1::EvaluatorItem>& items,
                   const OnResult& on_result) override {
    for (const v1::EvaluatorItem& item : items) {
      std::unique_lock lock(mutex_);
      started_.push_back(item.item().seed_indices(0));
      changed_.notify_all();
      changed_.wait(lock, [&] { return allowed_ > 0 || stopped_ || dropped_.contains(item.id()); });
      if (stopped_) return absl::CancelledError("stopped");
      if (dropped_.contains(item.id())) continue;
      if (!failure_.ok()) return failure_;
      --allowed_;
      lock.unlock();
      v1::ItemResult result;
      result.mutable_scores()->add_seeds()->set_objective(item.item().seed_indices(0));
      on_result(item.id(), result);
    }
    return absl::OkStatus();
  }

  void Drop(const std::vector<uint64_t>& ids) override {
    const std::lock_guard lock(mutex_);
    dropped_.insert(ids.begin(), ids.end());
    changed_.notify_all();
  }

  void Stop() override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  void Allow(int items) {
    const std::lock_guard lock(mutex_);
    allowed_ += items;
    changed_.notify_all();
  }
  void Fail(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    failure_ = status;
  }
  std::vector<int> Started() {
    const std::lock_guard lock(mutex_);
    return started_;
  }
  bool WaitUntilStarted(size_t items) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60),
                             [&] { return started_.size() >= items; });
  }

  v1::EvaluatorHello hello;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> started_;  // seed indices
  std::set<uint64_t> dropped_;
  int allowed_ = 0;
  bool stopped_ = false;
  absl::Status failure_;
};

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    spdlog::set_level(spdlog::level::off);
    std::string pattern = testing::TempDir() + "/lathe-worker-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    server_.emplace(folder_ / "socket");
    runner_.hello.set_numeric_class("of-the-test");
    runner_.hello.set_device("abacus");
    runner_.hello.add_datasets()->set_name("digits");
    options_ = {.display_name = "the worker",
                .batch = 4,
                .lease_wait = milliseconds(50),
                .first_wait = milliseconds(5),
                .most_wait = milliseconds(20)};
  }
  ~WorkerTest() override {
    if (worker_) worker_->Stop();
    if (outcome_.valid()) outcome_.wait();
    server_.reset();
    fs::remove_all(folder_);
  }

  void StartWorker() {
    stub_ = v1::WorkerService::NewStub(
        OpenChannel(*ParseAddress("unix:" + (folder_ / "socket").string())));
    worker_.emplace(*stub_, runner_, options_);
    outcome_ = std::async(std::launch::async, [this] { return worker_->Run(); });
  }

  // Items whose seed indices are first .. last, which is also how tokens number them.
  void AddItems(int first, int last) {
    for (int seed = first; seed <= last; ++seed) {
      v1::EvaluationItem item = ItemFor(ScaledGradient(0.5));
      item.set_seed_indices(0, seed);
      server_->Add(item);
    }
  }

  absl::Status DrainAndWait() {
    worker_->Drain();
    return outcome_.get();
  }

  fs::path folder_;
  std::optional<FakeWorkerService> server_;
  FakeRunner runner_;
  WorkerOptions options_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::optional<Worker> worker_;
  std::future<absl::Status> outcome_;
};

std::set<int64_t> HeldItems(const v1::RecordHeartbeatRequest& heartbeat) {
  std::set<int64_t> items;
  for (const v1::LeaseToken& token : heartbeat.tokens()) items.insert(token.item());
  return items;
}

std::vector<int64_t> ItemsOf(const std::vector<v1::ItemResult>& results) {
  std::vector<int64_t> items;
  for (const v1::ItemResult& result : results) items.push_back(result.token().item());
  return items;
}

auto Accepted(size_t count) {
  return [count](const Seen& seen) { return seen.accepted.size() >= count; };
}

auto Holds(const std::set<int64_t>& items) {
  return [items](const Seen& seen) {
    return !seen.heartbeats.empty() && HeldItems(seen.heartbeats.back()) == items;
  };
}

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

TEST_F(WorkerTest, LeasesHalfABatchAheadAndNamesAllItHoldsInHeartbeats) {
  server_->Start();
  AddItems(0, 19);
  StartWorker();
  EXPECT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5})));
  EXPECT_EQ(server_->Read().granted.size(), 6u);
  // A result that the server could not store is held on to.
  server_->SetOnComplete([](const auto&) { return absl::UnavailableError("disk full"); });
  runner_.Allow(1);
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.offered.size() >= 3; }));
  const size_t before = server_->Read().heartbeats.size();
  ASSERT_TRUE(
      server_->WaitUntil([&](const Seen& seen) { return seen.heartbeats.size() > before + 1; }));
  EXPECT_EQ(HeldItems(server_->Read().heartbeats.back()), (std::set<int64_t>{0, 1, 2, 3, 4, 5}));
  server_->SetOnComplete(nullptr);
  EXPECT_TRUE(server_->WaitUntil(Holds({1, 2, 3, 4, 5})));
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
  EXPECT_THAT(ItemsOf(server_->Read().accepted), testing::UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(DrainAndWait().ok());
}

TEST_F(WorkerTest, RegistersAgainWhereItIsNotKnownAndRenewsItsLeasesFirst) {
  server_->Start();
  AddItems(0, 5);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5})));
  AddItems(6, 7);
  server_->Forget();
  runner_.Allow(8);
  ASSERT_TRUE(server_->WaitUntil(Accepted(8)));
  const Seen seen = server_->Read();
  ASSERT_EQ(seen.registrations.size(), 2u);
  EXPECT_EQ(seen.registrations[1].worker().name(), "workers/0000000000000001");
  const auto again = std::find(seen.calls.rbegin(), seen.calls.rend(), "register").base();
  EXPECT_LT(std::find(again, seen.calls.end(), "heartbeat"),
            std::find(again, seen.calls.end(), "lease"));
  EXPECT_TRUE(DrainAndWait().ok());
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
  EXPECT_THAT(ItemsOf(server_->Read().offered), testing::UnorderedElementsAre(1, 3, 4));
  EXPECT_THAT(runner_.Started(), testing::Not(Contains(5)));
}

TEST_F(WorkerTest, DrainFinishesWhatRunsAndHandsBackTheRest) {
  server_->Start();
  AddItems(0, 9);
  StartWorker();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3, 4, 5})));
  worker_->Drain();
  ASSERT_TRUE(server_->WaitUntil(Holds({0, 1, 2, 3})));
  runner_.Allow(10);
  EXPECT_TRUE(outcome_.get().ok());
  const Seen seen = server_->Read();
  EXPECT_THAT(ItemsOf(seen.accepted), testing::UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_THAT(runner_.Started(), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(seen.calls.back(), "unregister");
}

TEST_F(WorkerTest, TheServerMayDrainIt) {
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
  runner_.hello.add_missing_datasets("digits.csv.gz: cannot be opened");
  StartWorker();
  EXPECT_THAT(std::string(outcome_.get().message()), HasSubstr("digits.csv.gz: cannot be opened"));
  EXPECT_THAT(server_->Read().registrations, IsEmpty());
}

}  // namespace
}  // namespace lathe
