#include "clients/local/local_run.h"

#include "clients/local/evaluation_pool.h"
#include "clients/report/job_progress.h"
#include "search/drive.h"
#include "search/spec/build_search.h"
#include "search/spec/report.h"

namespace lathe {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One job on its way.
class LocalRun {
 public:
  LocalRun(const v1::JobSpec& job, EvaluationPool& pool, bool show)
      : job_(job), pool_(pool), show_(show), trajectory_(BuildTrajectory(job)) {}

  absl::StatusOr<v1::JobReport> Run() {
    auto search = Part(*trajectory_, [] { return "search"; });
    if (!search.ok()) return search.status();
    const double search_seconds = SecondsSince(start_);
    uint64_t training_runs = search->training_runs;
    if (job_.has_study()) {
      study_ = BuildStudy(job_, *trajectory_);
      auto compared = Part(*study_, [this] { return study_->CurrentProgress().phase; });
      if (!compared.ok()) return compared.status();
      training_runs += compared->training_runs;
    }
    v1::JobReport report = MakeReport(job_, *trajectory_, study_.get());
    report.set_stop_reason(search->reason);
    report.set_completed_out_of_order(search->out_of_order);
    report.set_search_seconds(search_seconds);
    report.set_wall_seconds(SecondsSince(start_));
    report.mutable_evaluations()->set_run(training_runs);
    report.mutable_evaluations()->set_device_seconds(pool_.DeviceSeconds());
    return report;
  }

 private:
  // The search or its study, with its progress on standard error.
  template <typename Source, typename Phase>
  absl::StatusOr<DriveResult> Part(Source& source, Phase phase) {
    auto progress = [&] { return ProgressOf(job_, *trajectory_, study_.get()); };
    auto result = Drive(source, pool_, [&] {
      CheckTimes();
      if (show_ && line_.Due(phase())) line_.Show(progress(), SecondsSince(start_));
    });
    if (show_ && result.ok()) line_.Finish(progress(), SecondsSince(start_));
    return result;
  }

  // A search that has spent its time proposes nothing more; one that has ended takes no notice.
  void CheckTimes() {
    const v1::Budget& budget = job_.budget();
    if (budget.wall_seconds() > 0 && SecondsSince(start_) >= budget.wall_seconds()) {
      trajectory_->Stop("budget.wall_seconds");
    }
    if (budget.device_seconds() > 0 && pool_.DeviceSeconds() >= budget.device_seconds()) {
      trajectory_->Stop("budget.device_seconds");
    }
  }

  const v1::JobSpec& job_;
  EvaluationPool& pool_;
  const bool show_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  JobProgressLine line_;
  std::unique_ptr<Trajectory> trajectory_;
  std::unique_ptr<Study> study_;  // null during the search
};

}  // namespace

absl::StatusOr<v1::JobReport> RunLocally(const v1::JobSpec& job, Evaluator& evaluator,
                                         const LocalRunOptions& options) {
  const std::vector<v1::Task> arenas = ArenaTasks(job);
  for (const v1::Task& task : arenas) {
    if (absl::Status status = evaluator.Check(task); !status.ok()) return status;
  }
  EvaluationPool pool(evaluator, arenas, options.threads);
  absl::StatusOr<v1::JobReport> report = LocalRun(job, pool, options.show_progress).Run();
  if (report.ok()) report->set_numeric_class(evaluator.NumericClass());
  return report;
}

}  // namespace lathe
