// A worker without a process: a thread that leases at a desk and completes with scores that follow
// from program, task and seed, after a delay drawn at random, so that results come back out of
// order.
#ifndef LATHE_SERVER_TESTING_DESK_WORKER_H_
#define LATHE_SERVER_TESTING_DESK_WORKER_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "dsl/random.h"
#include "evaluators/task/task.h"
#include "server/evaluation_desk.h"
#include "server/testing/evaluation_audit.h"

namespace lathe {

class DeskWorker {
 public:
  // Whether an item ends its evaluator.
  using Poisoned = std::function<bool(const v1::EvaluationItem&)>;

  DeskWorker(EvaluationDesk& desk, int batch, uint64_t delay_seed, EvaluationAudit* audit = nullptr,
             Poisoned poisoned = nullptr)
      : desk_(desk),
        batch_(batch),
        audit_(audit),
        poisoned_(std::move(poisoned)),
        delays_(delay_seed, {1}) {
    v1::RegisterWorkerRequest request;
    request.mutable_worker()->set_display_name("desk worker");
    request.mutable_worker()->set_numeric_class("synthetic");
    request.mutable_worker()->set_batch(batch);
    v1::WorkerDataset& dataset = *request.mutable_worker()->add_datasets();
    dataset.set_name("digits");
    dataset.set_content_hash(ShippedDatasets().at("digits").content_hash());
    name_ = desk.Register(request)->worker().name();
    thread_ = std::thread([this] { Work(); });
  }

  ~DeskWorker() {
    stopping_ = true;
    v1::UnregisterWorkerRequest request;
    request.set_worker(name_);
    desk_.Unregister(request).IgnoreError();
    thread_.join();
  }

  uint64_t Evaluated() const { return evaluated_; }

  static v1::SeedResult Score(const v1::EvaluationItem& item, int seed) {
    const Hash128 hash = HashBytes(item.program_text());
    RandomStream score(hash.low, {TaskHash(item.task()).low, static_cast<uint64_t>(seed)});
    v1::SeedResult result;
    result.set_diverged(hash.high % 8 == 0);
    result.set_objective(score.Uniform());
    if (item.measure_test()) {
      result.set_test_loss(score.Uniform());
      result.set_test_error(score.Uniform());
    }
    return result;
  }

 private:
  void Work() {
    while (!stopping_) {
      v1::LeaseEvaluationsRequest request;
      request.set_worker(name_);
      request.set_max_items(batch_);
      request.mutable_wait()->set_seconds(30);
      std::promise<absl::StatusOr<v1::LeaseEvaluationsResponse>> answer;
      desk_.Lease(
          request, [] { return true; },
          [&](auto response) { answer.set_value(std::move(response)); });
      const auto response = answer.get_future().get();
      if (!response.ok()) return;
      for (const v1::Lease& lease : response->leases()) Complete(lease);
    }
  }

  void Complete(const v1::Lease& lease) {
    std::this_thread::sleep_for(std::chrono::microseconds(delays_.Below(400)));
    v1::CompleteEvaluationsRequest request;
    request.set_worker(name_);
    v1::ItemResult& result = *request.add_results();
    *result.mutable_token() = lease.token();
    result.set_program_hash(lease.item().program_hash());
    if (poisoned_ && poisoned_(lease.item())) {
      result.mutable_fault()->set_kind(v1::EvaluationFault::CRASHED);
      desk_.Complete(request).status().IgnoreError();
      return;
    }
    result.mutable_duration()->set_nanos(1000000);
    for (int seed : lease.item().seed_indices()) {
      if (audit_ != nullptr) audit_->Runs(lease.item(), seed);
      *result.mutable_scores()->add_seeds() = Score(lease.item(), seed);
      ++evaluated_;
      if (lease.item().stop_at_divergence() && result.scores().seeds().rbegin()->diverged()) break;
    }
    const auto response = desk_.Complete(request);
    const bool acknowledged = response.ok() && response->statuses(0).code() == 0;
    if (!acknowledged || audit_ == nullptr) return;
    for (int i = 0; i < result.scores().seeds_size(); ++i) {
      audit_->Acknowledged(lease.item(), lease.item().seed_indices(i), result.scores().seeds(i));
    }
  }

  EvaluationDesk& desk_;
  const int batch_;
  EvaluationAudit* const audit_;
  const Poisoned poisoned_;
  RandomStream delays_;
  std::string name_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> evaluated_{0};
  std::thread thread_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_TESTING_DESK_WORKER_H_
