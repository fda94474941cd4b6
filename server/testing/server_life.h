// A server without its process: desk, board and workers on a store, for tests.
#ifndef LATHE_SERVER_TESTING_SERVER_LIFE_H_
#define LATHE_SERVER_TESTING_SERVER_LIFE_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <vector>

#include "server/job_board.h"
#include "server/resource_names.h"
#include "server/testing/desk_worker.h"

namespace lathe {

// One life of a server, on a store that may have seen others.
class Life {
 public:
  explicit Life(Store& store, Unfinished unfinished = Unfinished::kResume)
      : store_(store), desk_(store, metrics_, Options()), board_(store, desk_, metrics_) {
    restored_ = board_.Restore(unfinished);
    clock_ = std::thread([this] {
      std::unique_lock lock(mutex_);
      while (!stop_.wait_for(lock, std::chrono::milliseconds(20), [this] { return stopping_; })) {
        desk_.Tick();
        board_.Reap();
      }
    });
  }
  ~Life() {
    workers_.clear();
    board_.Stop();
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_.notify_all();
    clock_.join();
  }

  void AddWorkers(int count, int batch = 4, EvaluationAudit* audit = nullptr,
                  DeskWorker::Poisoned poisoned = nullptr) {
    for (int i = 0; i < count; ++i) {
      workers_.push_back(
          std::make_unique<DeskWorker>(desk_, batch, workers_.size(), audit, poisoned));
    }
  }
  // Whether it could take up what an earlier life left.
  const absl::Status& Restored() const { return restored_; }
  uint64_t Evaluated() const {
    uint64_t evaluated = 0;
    for (const auto& worker : workers_) evaluated += worker->Evaluated();
    return evaluated;
  }

  JobId Create(const v1::JobSpec& spec, const std::string& request_id = "") {
    v1::CreateJobRequest request;
    *request.mutable_spec() = spec;
    request.set_request_id(request_id);
    auto job = board_.Create(request);
    EXPECT_TRUE(job.ok()) << job.status();
    return *ParseJobName(job->name(), "name");
  }

  // Waits until the job is as `good` says.
  v1::Job WaitUntil(JobId id, const std::function<bool(const v1::Job&)>& good) {
    while (const auto live = board_.Live(id)) {
      const v1::Job job = live->Snapshot();
      if (good(job)) return job;
      live->WaitForChange(job.revision(), absl::Seconds(1));
    }
    return *board_.Get(id);
  }
  v1::Job WaitForEnd(JobId id) {
    return WaitUntil(id, [](const v1::Job& job) { return HasEnded(job.state()); });
  }
  v1::JobReport Report(JobId id) {
    v1::JobReport report;
    EXPECT_TRUE(report.ParseFromString(store_.Get(Kind::kReports, ReportKey(id))->value()));
    return report;
  }
  v1::JobReport RunToReport(const v1::JobSpec& spec) {
    const JobId id = Create(spec);
    EXPECT_EQ(WaitForEnd(id).state(), v1::Job::SUCCEEDED);
    return Report(id);
  }

  JobBoard& Board() { return board_; }
  EvaluationDesk& Desk() { return desk_; }
  Metrics& Metric() { return metrics_; }

 private:
  // Workers here do not repeat what is refused: their leases must run out before long.
  static DeskOptions Options() {
    DeskOptions options;
    options.lease_time = absl::Seconds(2);
    return options;
  }

  Store& store_;
  Metrics metrics_;
  EvaluationDesk desk_;
  JobBoard board_;
  std::vector<std::unique_ptr<DeskWorker>> workers_;
  absl::Status restored_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread clock_;
};

inline v1::JobSpec SmallJob(bool with_study = false) {
  v1::JobSpec spec;
  spec.set_name("small");
  spec.set_seed(5);
  spec.set_window(8);
  spec.mutable_budget()->set_evaluations(120);
  spec.mutable_strategy()->set_population(20);
  spec.mutable_strategy()->set_tournament(3);
  if (!with_study) return spec;
  v1::Study& study = *spec.mutable_study();
  study.set_seeds(4);
  study.set_winners(3);
  study.set_winner_seeds(2);
  study.set_tuning_seeds(2);
  v1::Baseline& baseline = *study.add_baselines();
  baseline.set_program("adamw");
  for (double lr : {0.01, 0.1}) baseline.add_base_lr(lr);
  v1::Control& control = *study.add_controls();
  control.set_name("random");
  control.mutable_strategy()->set_kind(v1::Strategy::RANDOM);
  return spec;
}

// Long enough to be caught in the middle.
inline v1::JobSpec LongJob() {
  v1::JobSpec spec = SmallJob();
  spec.mutable_budget()->set_evaluations(1500);
  return spec;
}

}  // namespace lathe

#endif  // LATHE_SERVER_TESTING_SERVER_LIFE_H_
