// What a job's thread does between results: it hears what others want of the job, writes what has
// come together, and tells how far the job is.
#include "absl/strings/str_cat.h"
#include "search/spec/report.h"
#include "server/crash_point.h"
#include "server/evaluation_records.h"
#include "server/job_run.h"
#include "server/job_versions.h"
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
  while (true) {
    absl::Status status = write();
    NoteStore(status);
    if (!MayPass(status)) return status;
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
  const absl::Status told = job_.Update([&](v1::Job& job) {
    *job.mutable_progress() = progress;
    job.set_running_seconds(RunningSeconds());
    if (unanswered_ == 0 || waits_for_store_) job.clear_waiting_for();
  });
  // What cannot be written now is told with the next change. That may be all that the job notices:
  // results that cannot be written do not reach it.
  NoteStore(told);
}

// Says in the job, as far as that can be said, whether the store can be written.
void JobRun::NoteStore(const absl::Status& written) {
  if (MayPass(written)) {
    job_.SetUnsavedWait(
        absl::StrCat("the store cannot be written: ", std::string(written.message())));
  } else if (waits_for_store_) {
    job_.SetUnsavedWait("");
    job_.Log(v1::LogEntry::WARNING, "the store could not be written for a while");
  }
  waits_for_store_ = MayPass(written);
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
  if (waits_for_store_) return;  // nothing could be said of workers
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
