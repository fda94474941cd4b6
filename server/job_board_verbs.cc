// What users do to jobs that are there: pause, resume, stop, cancel, delete.
#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "server/evaluation_records.h"
#include "server/job_board.h"
#include "server/job_records.h"
#include "server/job_versions.h"
#include "server/resource_names.h"
#include "server/search_log.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

// How long a pause may take to come into force before it is answered anyway.
constexpr absl::Duration kPauseTime = absl::Seconds(10);

absl::Status WrongState(JobId id, v1::Job::State state, const std::string& verb) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        JobName(id), " is ", v1::Job::State_Name(state), " and cannot be ", verb)),
                    HasEnded(state) ? "JOB_HAS_ENDED" : "JOB_STATE", {{"job", JobName(id)}});
}

}  // namespace

absl::StatusOr<JobBoard::Entry*> JobBoard::FindUnfinished(JobId id, const std::string& verb) {
  const auto found = entries_.find(id);
  const auto job = found == entries_.end() ? ReadJob(store_, id) : found->second.job->Snapshot();
  if (!job.ok()) return job.status();
  if (found == entries_.end() || HasEnded(job->state())) return WrongState(id, job->state(), verb);
  return &found->second;
}

absl::Status JobBoard::Settle(Entry& entry, v1::Job::State state, const std::string& reason) {
  absl::Status status = entry.job->Update([&](v1::Job& job) {
    job.set_state(state);
    job.set_state_reason(reason);
    job.clear_waiting_for();
    if (HasEnded(state)) *job.mutable_end_time() = CurrentTimestamp();
  });
  if (!status.ok()) return status;
  if (!reason.empty()) entry.job->Log(v1::LogEntry::INFO, reason);
  if (HasEnded(state)) entries_.erase(entry.job->Id());
  return absl::OkStatus();
}

absl::StatusOr<v1::Job> JobBoard::PauseJob(JobId id) {
  std::shared_ptr<LiveJob> live;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = FindUnfinished(id, "paused");
    if (!entry.ok()) return entry.status();
    live = (*entry)->job;
    const v1::Job::State state = live->Snapshot().state();
    if (state == v1::Job::PAUSED) return WrongState(id, state, "paused");
    if ((*entry)->slot < 0) {
      absl::Status status = Settle(**entry, v1::Job::PAUSED, "paused by a user");
      if (!status.ok()) return status;
      return Get(id, live);
    }
    (*entry)->inbox->Pause();
  }
  const absl::Time most = absl::Now() + kPauseTime;
  for (v1::Job job = live->Snapshot(); absl::Now() < most; job = live->Snapshot()) {
    const bool runs = job.state() == v1::Job::RUNNING || job.state() == v1::Job::QUEUED;
    if (!runs) break;
    live->WaitForChange(job.revision(), most - absl::Now());
  }
  return Get(id, live);
}

absl::StatusOr<v1::Job> JobBoard::ResumeJob(JobId id) {
  const std::lock_guard lock(mutex_);
  const auto found = FindUnfinished(id, "resumed");
  if (!found.ok()) return found.status();
  Entry& entry = **found;
  const v1::Job job = entry.job->Snapshot();
  if (job.state() != v1::Job::PAUSED) return WrongState(id, job.state(), "resumed");
  if (absl::Status status = CheckVersions(job); !status.ok()) return status;
  if (absl::Status status = Settle(entry, v1::Job::QUEUED, ""); !status.ok()) return status;
  entry.job->Log(v1::LogEntry::INFO, "resumed by a user");
  entry.inbox = std::make_shared<JobInbox>(job.progress().evaluations());
  const std::shared_ptr<LiveJob> live = entry.job;
  StartNext();
  return Get(id, live);
}

absl::StatusOr<v1::Job> JobBoard::StopJob(JobId id) {
  const std::lock_guard lock(mutex_);
  const auto found = FindUnfinished(id, "stopped");
  if (!found.ok()) return found.status();
  Entry& entry = **found;
  const std::shared_ptr<LiveJob> live = entry.job;
  const v1::Job job = live->Snapshot();
  absl::Status status;
  if (entry.slot >= 0 && job.state() != v1::Job::PAUSED) {
    entry.inbox->Stop();
  } else if (!job.has_start_time()) {
    status = Settle(entry, v1::Job::CANCELLED, "stopped by a user before it began");
  } else if (status = CheckVersions(job); status.ok()) {
    // It runs once more, to finish what it has proposed and to report.
    status = entry.job->Update([](v1::Job& changed) {
      changed.set_state(v1::Job::QUEUED);
      changed.clear_state_reason();
      if (changed.stop_reason().empty()) changed.set_stop_reason(kStoppedByUser);
    });
    entry.inbox = std::make_shared<JobInbox>(job.progress().evaluations());
    entry.inbox->Stop();
    StartNext();
  }
  if (!status.ok()) return status;
  return Get(id, live);
}

absl::StatusOr<v1::Job> JobBoard::CancelJob(JobId id) {
  const std::lock_guard lock(mutex_);
  const auto found = FindUnfinished(id, "cancelled");
  if (!found.ok()) return found.status();
  const std::shared_ptr<LiveJob> live = (*found)->job;
  if ((*found)->slot >= 0 && live->Snapshot().state() != v1::Job::PAUSED) {
    (*found)->inbox->Cancel();
  } else if (absl::Status status = Settle(**found, v1::Job::CANCELLED, "cancelled by a user");
             !status.ok()) {
    return status;
  }
  return Get(id, live);
}

absl::Status JobBoard::DeleteJob(JobId id) {
  std::unique_lock lock(mutex_);
  if (const auto live = entries_.find(id); live != entries_.end()) {
    const v1::Job::State state = live->second.job->Snapshot().state();
    if (!HasEnded(state)) return WrongState(id, state, "deleted: it has not ended");
    // Its thread is about to leave.
    job_left_.wait(lock, [&] { return !entries_.contains(id); });
  }
  const auto job = ReadJob(store_, id);
  if (!job.ok()) return job.status();
  WriteBatch batch;
  batch.Delete(Kind::kJobs, JobKey(id));
  batch.Delete(Kind::kJobSpecs, JobSpecKey(id));
  batch.Delete(Kind::kReports, ReportKey(id));
  if (!job->request_id().empty()) batch.Delete(Kind::kRequests, job->request_id());
  RemoveSearchLogs(id, batch);
  for (Kind kind : {Kind::kLogEntries, Kind::kEvents}) {
    batch.DeleteRange(kind, JobPrefix(id), EndOfPrefix(JobPrefix(id)));
  }
  absl::Status status = WriteMeasured(store_, metrics_, batch);
  if (status.ok()) metrics_.jobs[job->state()]->Decrement();
  return status;
}

}  // namespace lathe
