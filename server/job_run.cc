#include "server/job_run.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "search/spec/build_search.h"
#include "search/spec/report.h"
#include "server/crash_point.h"
#include "server/evaluation_records.h"
#include "server/job_versions.h"
#include "server/resource_names.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

// How long no worker may come before the job looks whether any is there.
constexpr absl::Duration kPatience = absl::Seconds(1);

}  // namespace

JobRun::JobRun(LiveJob& job, std::shared_ptr<JobInbox> inbox, EvaluationDesk& desk, Store& store,
               Metrics& metrics, JobGauges gauges)
    : job_(job),
      inbox_(std::move(inbox)),
      desk_(desk),
      store_(store),
      metrics_(metrics),
      gauges_(gauges),
      arenas_(ArenaTasks(job.Spec())),
      earlier_seconds_(job.Snapshot().running_seconds()),
      numeric_class_(job.Snapshot().numeric_class()) {
  if (numeric_class_.empty()) numeric_class_ = job.Spec().numeric_class();
}

void JobRun::Run() {
  desk_.Subscribe(inbox_);
  const absl::Status status = RunPhases();
  // What a cancelled job has at workers is dropped; else they finish it, and it is recorded.
  const bool drop = inbox_->LeaveRequested() == JobInbox::Leave::kCancel;
  desk_.Forget(inbox_.get(), drop ? Leased::kDrop : Leased::kFinish);
  if (!status.ok()) End(status);
}

absl::Status JobRun::RunPhases() {
  absl::Status status = Begin();
  if (status.ok()) status = PinClass();
  if (status.ok()) status = SearchAndCompare();
  return status;
}

absl::Status JobRun::Begin() {
  WriteBatch batch;
  if (job_.Snapshot().engine_version() == 0 && job_.Snapshot().has_start_time()) {
    // Begun by a server that logged no proposals: it starts anew, and finds its evaluations.
    RemoveSearchLogs(job_.Id(), batch);
  }
  return Update(
      [](v1::Job& job) {
        job.set_state(v1::Job::RUNNING);
        job.clear_state_reason();
        job.set_engine_version(kEngineVersion);
        job.set_language_version(kLanguageVersion);
        if (!job.has_start_time()) *job.mutable_start_time() = CurrentTimestamp();
      },
      std::move(batch));
}

// Waits for a worker that can run the job, unless its spec has named a class.
absl::Status JobRun::PinClass() {
  while (numeric_class_.empty()) {
    if (absl::Status status = LeaveStatus(); !status.ok()) return status;
    if (inbox_->StopRequested()) return absl::OkStatus();  // nothing will be proposed
    const auto found = desk_.FindClass(arenas_, "");
    if (found.ok()) {
      numeric_class_ = *found;
      break;
    }
    UpdateWaiting();
    inbox_->Wait(kPatience);
  }
  if (job_.Snapshot().numeric_class() == numeric_class_) return absl::OkStatus();
  job_.Log(v1::LogEntry::INFO, absl::StrCat("pinned to the numeric class ", numeric_class_));
  return Update([this](v1::Job& job) {
    job.set_numeric_class(numeric_class_);
    job.clear_waiting_for();
  });
}

absl::Status JobRun::SearchAndCompare() {
  const absl::StatusOr<DriveResult> search = RunSearch();
  if (!search.ok()) return search.status();
  const double search_seconds = RunningSeconds();
  if (job_.Spec().has_study() && !stopped_) {
    if (absl::Status status = RunStudy(); !status.ok()) return status;
  }
  return Report(*search, search_seconds);
}

absl::StatusOr<DriveResult> JobRun::RunSearch() {
  Search& search = searches_.emplace_back(store_, &metrics_, job_.Id(), 0);
  trajectory_ = BuildTrajectory(job_.Spec(), &search.log);
  if (absl::Status status = Restore(search, *trajectory_); !status.ok()) return status;
  search.trajectory = trajectory_.get();
  std::string reason = job_.Snapshot().stop_reason();
  if (reason.empty() && inbox_->StopRequested()) reason = kStoppedByUser;
  if (!reason.empty()) {
    stopped_ = reason == kStoppedByUser;
    if (absl::Status status = EndSearch(reason); !status.ok()) return status;
  }
  searching_ = true;
  auto result = Drive(*trajectory_, *this, [this] { Progress(/*now=*/false); });
  searching_ = false;
  if (!result.ok()) return result;
  if (absl::Status status = Flush(Checkpoints::kIfDue); !status.ok()) return status;
  Progress(/*now=*/true);
  job_.Log(v1::LogEntry::INFO, absl::StrCat("the search ended by ", result->reason));
  return result;
}

absl::Status JobRun::RunStudy() {
  std::vector<std::unique_ptr<Trajectory>> controls;
  for (int i = 0; i < job_.Spec().study().controls_size(); ++i) {
    Search& search = searches_.emplace_back(store_, nullptr, job_.Id(), i + 1);
    controls.push_back(BuildControl(job_.Spec(), i, &search.log));
    if (absl::Status status = Restore(search, *controls.back()); !status.ok()) return status;
  }
  for (size_t i = 0; i < controls.size(); ++i) searches_[i + 1].trajectory = controls[i].get();
  study_ = BuildStudy(job_.Spec(), *trajectory_, std::move(controls));
  const auto result = Drive(*study_, *this, [this] { Progress(/*now=*/false); });
  if (!result.ok() && !stopped_) return result.status();
  if (absl::Status status = Flush(Checkpoints::kIfDue); !status.ok()) return status;
  Progress(/*now=*/true);
  if (stopped_) {
    // A study that was cut short says nothing.
    for (size_t i = 1; i < searches_.size(); ++i) searches_[i].trajectory = nullptr;
    study_.reset();
  }
  return absl::OkStatus();
}

absl::Status JobRun::Restore(Search& search, Trajectory& trajectory) {
  const auto checkpoint = search.log.ReadCheckpoint();
  if (!checkpoint.ok()) return checkpoint.status();
  const auto restored = trajectory.Restore(search.log, *checkpoint);
  if (!restored.ok()) return restored.status();
  if (*checkpoint) search.told_at_checkpoint = (*checkpoint)->told;
  if (restored->candidates > 0) {
    job_.Log(v1::LogEntry::INFO, absl::StrCat("taken up at candidate ", restored->candidates, ", ",
                                              restored->retold, " outcomes were told again"));
  }
  return absl::OkStatus();
}

absl::Status JobRun::Report(const DriveResult& search, double search_seconds) {
  v1::JobReport report = MakeReport(job_.Spec(), *trajectory_, study_.get());
  report.set_numeric_class(numeric_class_);
  report.set_stop_reason(search.reason);
  report.set_search_seconds(search_seconds);
  report.set_wall_seconds(RunningSeconds());
  report.set_completed_out_of_order(search.out_of_order);
  *report.mutable_evaluations() = inbox_->Sources();
  WriteBatch batch;
  batch.Put(Kind::kReports, ReportKey(job_.Id()), report.SerializeAsString());
  if (report.has_found()) {
    // So that the program can be shown and exported by its name.
    const auto hash = ParseHash(report.found().hash());
    if (hash) PutProgram({{}, report.found().text(), *hash}, batch);
  }
  // Before the end, after which nothing is written.
  WriteWarnings();
  job_.Log(v1::LogEntry::INFO, "succeeded");
  return Update(
      [&](v1::Job& job) {
        job.set_state(v1::Job::SUCCEEDED);
        job.set_state_reason(search.reason);
        *job.mutable_end_time() = CurrentTimestamp();
      },
      std::move(batch));
}

void JobRun::End(const absl::Status& status) {
  const bool asked = absl::IsCancelled(status);
  const JobInbox::Leave leave = asked ? inbox_->LeaveRequested() : JobInbox::Leave::kNone;
  if (leave == JobInbox::Leave::kInterrupt) {
    // Best effort: what is missing follows from what is there.
    store_.Write(TakeRecords(Checkpoints::kAll)).IgnoreError();
    return;
  }
  v1::Job::State state = v1::Job::FAILED;
  std::string reason(status.message());
  if (leave == JobInbox::Leave::kPause) state = v1::Job::PAUSED;
  if (leave == JobInbox::Leave::kCancel) state = v1::Job::CANCELLED;
  const bool failed = state == v1::Job::FAILED;
  WriteWarnings();
  job_.Log(failed ? v1::LogEntry::ERROR : v1::LogEntry::INFO, reason);
  const absl::Status written = Update(
      [&](v1::Job& job) {
        job.set_state(state);
        job.set_state_reason(reason);
        job.clear_waiting_for();
        if (HasEnded(state)) *job.mutable_end_time() = CurrentTimestamp();
      },
      TakeRecords(failed ? Checkpoints::kIfDue : Checkpoints::kAll));
  // Only if the server is stopping: the next one finds the job as it was.
  written.IgnoreError();
}

}  // namespace lathe
