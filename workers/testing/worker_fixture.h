// A worker between a fake server and a fake evaluator, for its tests.
#ifndef LATHE_WORKERS_TESTING_WORKER_FIXTURE_H_
#define LATHE_WORKERS_TESTING_WORKER_FIXTURE_H_

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rpc/channel.h"
#include "workers/item_result.h"
#include "workers/testing/fake_worker_service.h"
#include "workers/testing/items.h"
#include "workers/worker.h"

namespace lathe {

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
      if (!missing_data_.empty()) {
        on_result(item.id(), FaultResult(v1::EvaluationFault::MISSING_DATA, missing_data_));
        continue;
      }
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
  // Before anything is run: that of all items, for this reason.
  void ReportMissingData(const std::string& reason) { missing_data_ = reason; }
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
  std::string missing_data_;
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
    runner_.hello.add_models("conv_net");
    options_ = {.display_name = "the worker",
                .batch = 4,
                .lease_wait = std::chrono::milliseconds(50),
                .first_wait = std::chrono::milliseconds(5),
                .most_wait = std::chrono::milliseconds(20),
                .trust = std::chrono::milliseconds(0)};
  }
  ~WorkerTest() override {
    if (worker_) worker_->Stop();
    if (outcome_.valid()) outcome_.wait();
    server_.reset();
    std::filesystem::remove_all(folder_);
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

  std::filesystem::path folder_;
  std::optional<FakeWorkerService> server_;
  FakeRunner runner_;
  WorkerOptions options_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::optional<Worker> worker_;
  std::future<absl::Status> outcome_;
};

inline std::set<int64_t> HeldItems(const v1::RecordHeartbeatRequest& heartbeat) {
  std::set<int64_t> items;
  for (const v1::LeaseToken& token : heartbeat.tokens()) items.insert(token.item());
  return items;
}

inline std::vector<int64_t> ItemsOf(const std::vector<v1::ItemResult>& results) {
  std::vector<int64_t> items;
  for (const v1::ItemResult& result : results) items.push_back(result.token().item());
  return items;
}

inline auto Accepted(size_t count) {
  return [count](const FakeWorkerService::Seen& seen) { return seen.accepted.size() >= count; };
}

inline auto Holds(const std::set<int64_t>& items) {
  return [items](const FakeWorkerService::Seen& seen) {
    return !seen.heartbeats.empty() && HeldItems(seen.heartbeats.back()) == items;
  };
}

}  // namespace lathe

#endif  // LATHE_WORKERS_TESTING_WORKER_FIXTURE_H_
