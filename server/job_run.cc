#include "server/job_run.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "search/spec/build_search.h"
#include "search/spec/report.h"
#include "server/evaluation_records.h"
#include "server/resource_names.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

// How often the job's progress is told at most.
constexpr auto kProgressInterval = std::chrono::milliseconds(100);
// How long nothing may come back before the job looks whether any worker is there.
constexpr absl::Duration kPatience = absl::Seconds(1);
// Candidates that are written together at most.
constexpr size_t kMostUnwritten = 256;

v1::Candidate CandidateOf(const CandidateRecord& record) {
  v1::Candidate candidate;
  candidate.set_index(record.index);
  if (record.slot) candidate.set_slot(*record.slot);
  candidate.set_raw_text(record.raw_text);
  if (record.canonical != nullptr) candidate.set_program(ProgramName(record.canonical->hash));
  candidate.mutable_parents()->Add(record.parents.begin(), record.parents.end());
  candidate.set_operation(record.operation);
  switch (record.outcome.kind) {
    case Outcome::Kind::kRejected:
      candidate.set_outcome(v1::Candidate::REJECTED);
      candidate.set_filter(std::string(kFilterNames[static_cast<size_t>(record.outcome.filter)]));
      break;
    case Outcome::Kind::kOk:
      candidate.set_outcome(v1::Candidate::OK);
      candidate.set_objective(record.outcome.objective);
      break;
    case Outcome::Kind::kDiverged: candidate.set_outcome(v1::Candidate::DIVERGED); break;
  }
  return candidate;
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
      numeric_class_(job.Snapshot().numeric_class()) {
  if (numeric_class_.empty()) numeric_class_ = job.Spec().numeric_class();
}

bool JobRun::Run() {
  desk_.Subscribe(inbox_);
  const absl::Status status = RunPhases();
  desk_.Forget(inbox_.get());
  WriteWarnings();
  return End(status);
}

absl::Status JobRun::RunPhases() {
  absl::Status status = job_.Update([](v1::Job& job) {
    job.set_state(v1::Job::RUNNING);
    if (!job.has_start_time()) *job.mutable_start_time() = CurrentTimestamp();
  });
  if (status.ok()) status = PinClass();
  if (status.ok()) status = SearchAndCompare();
  return status;
}

// Waits for a worker that can run the job, unless its spec has named a class.
absl::Status JobRun::PinClass() {
  while (numeric_class_.empty()) {
    if (absl::Status status = StopStatus(); !status.ok()) return status;
    const auto found = desk_.FindClass(arenas_, "");
    if (found.ok()) {
      numeric_class_ = *found;
      break;
    }
    UpdateWaiting();
    inbox_->Wait(kPatience);
  }
  if (job_.Snapshot().numeric_class() != numeric_class_) {
    job_.Log(v1::LogEntry::INFO, absl::StrCat("pinned to the numeric class ", numeric_class_));
  }
  return job_.Update([this](v1::Job& job) {
    job.set_numeric_class(numeric_class_);
    job.clear_waiting_for();
  });
}

absl::Status JobRun::SearchAndCompare() {
  trajectory_ = BuildTrajectory(job_.Spec(), [this](const CandidateRecord& r) { Record(r); });
  const auto progress = [this] { Progress(/*now=*/false); };
  const absl::StatusOr<DriveResult> search = Drive(*trajectory_, *this, progress);
  if (!search.ok()) return search.status();
  const double search_seconds = SecondsSince(start_);
  if (absl::Status status = Flush(); !status.ok()) return status;
  Progress(/*now=*/true);
  job_.Log(v1::LogEntry::INFO, absl::StrCat("the search ended by ", search->reason));
  if (job_.Spec().has_study()) {
    study_ = BuildStudy(job_.Spec(), *trajectory_);
    const absl::StatusOr<DriveResult> study = Drive(*study_, *this, progress);
    if (!study.ok()) return study.status();
    Progress(/*now=*/true);
  }
  return Report(*search, search_seconds);
}

absl::Status JobRun::Report(const DriveResult& search, double search_seconds) {
  v1::JobReport report = MakeReport(job_.Spec(), *trajectory_, study_.get());
  report.set_numeric_class(numeric_class_);
  report.set_stop_reason(search.reason);
  report.set_search_seconds(search_seconds);
  report.set_wall_seconds(SecondsSince(start_));
  report.set_completed_out_of_order(search.out_of_order);
  *report.mutable_evaluations() = inbox_->Sources();
  WriteBatch batch;
  batch.Put(Kind::kReports, ReportKey(job_.Id()), report.SerializeAsString());
  if (report.has_found()) {
    // So that the program can be shown and exported by its name.
    const auto hash = ParseHash(report.found().hash());
    if (hash) PutProgram({{}, report.found().text(), *hash}, batch);
  }
  return job_.Update(
      [&](v1::Job& job) {
        job.set_state(v1::Job::SUCCEEDED);
        job.set_state_reason(search.reason);
        *job.mutable_end_time() = CurrentTimestamp();
      },
      std::move(batch));
}

bool JobRun::End(const absl::Status& status) {
  if (status.ok()) {
    job_.Log(v1::LogEntry::INFO, "succeeded");
    return true;
  }
  const JobInbox::Stop stop = inbox_->StopRequested();
  if (stop == JobInbox::Stop::kInterrupt) return false;
  const bool cancelled = stop == JobInbox::Stop::kCancel;
  const std::string reason = cancelled ? "cancelled by a user" : std::string(status.message());
  job_.Log(cancelled ? v1::LogEntry::INFO : v1::LogEntry::ERROR, reason);
  const auto end = [&](v1::Job& job) {
    job.set_state(cancelled ? v1::Job::CANCELLED : v1::Job::FAILED);
    job.set_state_reason(reason);
    job.clear_waiting_for();
    *job.mutable_end_time() = CurrentTimestamp();
  };
  if (job_.Update(end, std::exchange(records_, {})).ok()) return true;
  job_.UpdateUnsaved(end);
  return false;
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
    if (absl::Status status = StopStatus(); !status.ok()) return {0, status};
    if (unwritten_ >= kMostUnwritten) {
      if (absl::Status status = Flush(); !status.ok()) return {0, status};
    }
    if (auto finished = inbox_->Poll()) {
      --unanswered_;
      return *std::move(finished);
    }
    if (absl::Status status = Flush(); !status.ok()) return {0, status};
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

void JobRun::Record(const CandidateRecord& record) {
  CountRecord(record);
  records_.Put(Kind::kCandidates, CandidateKey(job_.Id(), record.index),
               CandidateOf(record).SerializeAsString());
  if (record.canonical != nullptr) PutProgram(*record.canonical, records_);
  ++unwritten_;
}

void JobRun::CountRecord(const CandidateRecord& record) {
  metrics_.candidates_proposed.Increment();
  if (record.outcome.kind == Outcome::Kind::kRejected) {
    metrics_.candidates_rejected[static_cast<size_t>(record.outcome.filter)]->Increment();
  } else if (!record.slot) {
    metrics_.candidates_duplicate.Increment();
  } else {
    metrics_.candidates_evaluated.Increment();
    if (record.outcome.kind == Outcome::Kind::kDiverged) metrics_.candidates_diverged.Increment();
  }
}

absl::Status JobRun::Flush() {
  if (unwritten_ == 0) return absl::OkStatus();
  unwritten_ = 0;
  return job_.Save(std::exchange(records_, {}));
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
  job_.UpdateUnsaved([&](v1::Job& job) {
    *job.mutable_progress() = std::move(progress);
    if (unanswered_ == 0) job.clear_waiting_for();
  });
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

absl::Status JobRun::StopStatus() const {
  switch (inbox_->StopRequested()) {
    case JobInbox::Stop::kNone: return absl::OkStatus();
    case JobInbox::Stop::kCancel: return absl::CancelledError("cancelled by a user");
    case JobInbox::Stop::kInterrupt: return absl::UnavailableError("the server is stopping");
  }
  return absl::InternalError("unknown stop");
}

double JobRun::SecondsSince(Clock::time_point start) const {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace lathe
