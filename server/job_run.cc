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

// How often the job's progress is told at most.
constexpr auto kProgressInterval = std::chrono::milliseconds(100);
// How long nothing may come back before the job looks whether any worker is there, or whether the
// store can be written again.
constexpr absl::Duration kPatience = absl::Seconds(1);
// Records that are written together at most.
constexpr size_t kMostUnwritten = 256;

absl::Status Stopped() {
  return absl::CancelledError("stopped by a user");
}

bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

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
  search.trajectory = trajectory_.get();
  if (absl::Status status = Restore(search); !status.ok()) return status;
  if (const std::string reason = job_.Snapshot().stop_reason(); !reason.empty()) {
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
    search.trajectory = controls.back().get();
    if (absl::Status status = Restore(search); !status.ok()) return status;
  }
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

absl::Status JobRun::Restore(Search& search) {
  const auto checkpoint = search.log.ReadCheckpoint();
  if (!checkpoint.ok()) return checkpoint.status();
  const auto restored = search.trajectory->Restore(search.log, *checkpoint);
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

void JobRun::Submit(uint64_t id, EvaluationRequest request) {
  DeskRequest asked;
  asked.client = inbox_;
  asked.id = id;
  asked.program = std::move(request.program);
  asked.task = arenas_[static_cast<size_t>(request.arena)];
  if (request.base_lr) asked.task.set_base_lr(*request.base_lr);
  asked.seeds = std::move(request.seeds);
  asked.stop_at_divergence = request.stop_at_divergence;
  asked.measure_test = request.measure_test;
  asked.numeric_class = numeric_class_;
  ++unanswered_;
  desk_.Submit(std::move(asked));
}

JobRun::Finished JobRun::Take() {
  auto waited_since = Clock::now();
  while (true) {
    if (absl::Status status = CheckRequests(); !status.ok()) return {0, status};
    if (Unwritten() >= kMostUnwritten) {
      if (absl::Status status = Flush(Checkpoints::kIfDue); !status.ok()) return {0, status};
    }
    if (auto finished = inbox_->Poll()) {
      --unanswered_;
      if (absl::IsAborted(finished->result.status())) {
        job_.Log(v1::LogEntry::ERROR, std::string(finished->result.status().message()));
      }
      return *std::move(finished);
    }
    if (absl::Status status = Flush(Checkpoints::kIfDue); !status.ok()) return {0, status};
    WriteWarnings();
    inbox_->Wait(kPatience);
    const bool changed = inbox_->TakeWorkersChanged();
    if (changed || SecondsSince(waited_since) >= absl::ToDoubleSeconds(kPatience)) {
      UpdateWaiting();
      Progress(/*now=*/false);
      waited_since = Clock::now();
    }
  }
}

absl::Status JobRun::CheckRequests() {
  if (absl::Status status = LeaveStatus(); !status.ok()) return status;
  if (inbox_->StopRequested() && !stopped_) {
    stopped_ = true;
    job_.Log(v1::LogEntry::INFO, "stopped by a user: what has been proposed is finished");
    if (absl::Status status = EndSearch(kStoppedByUser); !status.ok()) return status;
  }
  if (stopped_ && !searching_) return Stopped();
  return searching_ ? CheckBudgets() : absl::OkStatus();
}

absl::Status JobRun::LeaveStatus() const {
  switch (inbox_->LeaveRequested()) {
    case JobInbox::Leave::kNone: return absl::OkStatus();
    case JobInbox::Leave::kPause: return absl::CancelledError("paused by a user");
    case JobInbox::Leave::kInterrupt: return absl::CancelledError("the server is stopping");
    case JobInbox::Leave::kCancel: return absl::CancelledError("cancelled by a user");
  }
  return absl::InternalError("unknown request");
}

absl::Status JobRun::CheckBudgets() {
  const v1::Budget& budget = job_.Spec().budget();
  if (!job_.Snapshot().stop_reason().empty()) return absl::OkStatus();
  if (budget.wall_seconds() > 0 && RunningSeconds() >= budget.wall_seconds()) {
    return EndSearch("budget.wall_seconds");
  }
  if (budget.device_seconds() > 0 &&
      inbox_->Sources().device_seconds() >= budget.device_seconds()) {
    return EndSearch("budget.device_seconds");
  }
  return absl::OkStatus();
}

// The index at which the search ends is logged together with all that comes before it.
absl::Status JobRun::EndSearch(const std::string& reason) {
  trajectory_->Stop(reason);
  const v1::Job job = job_.Snapshot();
  if (job.stop_reason() == reason && job.has_stop_index()) return absl::OkStatus();
  return Update(
      [&](v1::Job& changed) {
        changed.set_stop_reason(reason);
        changed.set_stop_index(trajectory_->Count().proposed);
      },
      TakeRecords(Checkpoints::kIfDue));
}

size_t JobRun::Unwritten() const {
  size_t unwritten = 0;
  for (const Search& search : searches_) unwritten += search.log.Unwritten();
  return unwritten;
}

WriteBatch JobRun::TakeRecords(Checkpoints checkpoints) {
  WriteBatch batch;
  for (Search& search : searches_) {
    batch.Append(search.log.TakeUnwritten());
    if (search.trajectory == nullptr) continue;
    const uint64_t told = search.trajectory->Count().evaluated;
    const uint64_t since = told - search.told_at_checkpoint;
    if (since == 0 || (since < kCheckpointInterval && checkpoints != Checkpoints::kAll)) continue;
    search.log.PutCheckpoint(search.trajectory->Save(), batch);
    search.told_at_checkpoint = told;
  }
  return batch;
}

absl::Status JobRun::Flush(Checkpoints checkpoints) {
  if (Unwritten() == 0) return absl::OkStatus();
  const WriteBatch batch = TakeRecords(checkpoints);
  CrashPoint("log.before_write");
  absl::Status status = Persist([&] { return WriteMeasured(store_, metrics_, batch); });
  CrashPoint("log.after_write");
  return status;
}

absl::Status JobRun::Update(const std::function<void(v1::Job&)>& change, WriteBatch batch) {
  return Persist([&] { return job_.Update(change, batch); });
}

absl::Status JobRun::Persist(const std::function<absl::Status()>& write) {
  for (bool waited = false;; waited = true) {
    absl::Status status = write();
    if (!MayPass(status)) {
      if (waited && status.ok()) {
        job_.SetUnsavedWait("");
        job_.Log(v1::LogEntry::WARNING, "the store could not be written for a while");
      }
      return status;
    }
    job_.SetUnsavedWait(
        absl::StrCat("the store cannot be written: ", std::string(status.message())));
    if (inbox_->WaitForInterrupt(kPatience)) return absl::CancelledError("the server is stopping");
  }
}

void JobRun::Progress(bool now) {
  if (!now && Clock::now() - progressed_ < kProgressInterval) return;
  progressed_ = Clock::now();
  v1::JobProgress progress = ProgressOf(job_.Spec(), *trajectory_, study_.get());
  *progress.mutable_evaluations() = inbox_->Sources();
  *progress.mutable_update_time() = CurrentTimestamp();
  LogPhase(progress.phase());
  gauges_.proposed->Set(static_cast<double>(progress.candidates().proposed()));
  gauges_.evaluated->Set(static_cast<double>(progress.candidates().evaluated()));
  if (progress.has_best()) gauges_.best_objective->Set(progress.best().objective());
  if (progress.total() > 0) {
    gauges_.progress->Set(static_cast<double>(progress.done()) /
                          static_cast<double>(progress.total()));
  }
  gauges_.update_time->SetToCurrentTime();
  // What cannot be written now is told with the next change.
  job_.Update([&](v1::Job& job) {
        *job.mutable_progress() = progress;
        job.set_running_seconds(RunningSeconds());
        if (unanswered_ == 0) job.clear_waiting_for();
      })
      .IgnoreError();
}

void JobRun::LogPhase(const std::string& phase) {
  if (phase == phase_) return;
  phase_ = phase;
  job_.Log(v1::LogEntry::INFO, phase);
}

void JobRun::WriteWarnings() {
  for (const std::string& warning : inbox_->TakeWarnings()) {
    job_.Log(v1::LogEntry::WARNING, warning);
  }
}

void JobRun::UpdateWaiting() {
  const auto found = desk_.FindClass(arenas_, numeric_class_);
  const std::string waiting = found.ok() ? "" : std::string(found.status().message());
  if (job_.Snapshot().waiting_for() == waiting) return;
  job_.Log(waiting.empty() ? v1::LogEntry::INFO : v1::LogEntry::WARNING,
           waiting.empty() ? "a worker is there" : absl::StrCat("waiting: ", waiting));
  job_.Update([&](v1::Job& job) { job.set_waiting_for(waiting); }).IgnoreError();
}

double JobRun::RunningSeconds() const {
  return earlier_seconds_ + SecondsSince(start_);
}

double JobRun::SecondsSince(Clock::time_point start) const {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace lathe
