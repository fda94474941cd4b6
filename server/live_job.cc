#include "server/live_job.h"

#include "server/crash_point.h"
#include "server/evaluation_records.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

constexpr size_t kMostLogText = 4096;

}  // namespace

bool HasEnded(v1::Job::State state) {
  return state == v1::Job::SUCCEEDED || state == v1::Job::FAILED || state == v1::Job::CANCELLED;
}

LiveJob::LiveJob(Store& store, Metrics& metrics, JobId id, v1::Job job, v1::JobSpec spec,
                 int64_t next_log_sequence)
    : store_(store),
      metrics_(metrics),
      id_(id),
      spec_(std::move(spec)),
      job_(std::move(job)),
      next_log_sequence_(next_log_sequence) {
  metrics_.jobs[job_.state()]->Increment();
}

v1::Job LiveJob::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return job_;
}

absl::Status LiveJob::Update(const std::function<void(v1::Job&)>& change, WriteBatch batch) {
  const std::lock_guard lock(change_mutex_);
  v1::Job next = Snapshot();
  change(next);
  const int64_t revision = next.revision() + 1;
  next.set_revision(revision);
  std::string bytes = next.SerializeAsString();
  if (revision > kEventsKept) batch.Delete(Kind::kEvents, EventKey(id_, revision - kEventsKept));
  batch.Put(Kind::kEvents, EventKey(id_, revision), bytes);
  batch.Put(Kind::kJobs, JobKey(id_), std::move(bytes));
  // What can be seen must be there: written first, told afterwards.
  CrashPoint("job.before_write");
  absl::Status status = WriteMeasured(store_, metrics_, batch);
  CrashPoint("job.after_write");
  if (status.ok()) Publish(std::move(next));
  return status;
}

void LiveJob::SetUnsavedWait(const std::string& waiting_for) {
  const std::lock_guard lock(mutex_);
  job_.set_waiting_for(waiting_for);
}

void LiveJob::Publish(v1::Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (job.state() != job_.state()) {
      metrics_.jobs[job_.state()]->Decrement();
      metrics_.jobs[job.state()]->Increment();
    }
    job_ = std::move(job);
  }
  changed_.notify_all();
}

void LiveJob::Log(v1::LogEntry::Severity severity, const std::string& message) {
  const std::lock_guard lock(log_mutex_);
  v1::LogEntry entry;
  entry.set_sequence(next_log_sequence_);
  *entry.mutable_time() = CurrentTimestamp();
  entry.set_severity(severity);
  entry.set_message(message.substr(0, kMostLogText));
  WriteBatch batch;
  batch.Put(Kind::kLogEntries, LogEntryKey(id_, static_cast<uint64_t>(next_log_sequence_)),
            entry.SerializeAsString());
  if (WriteMeasured(store_, metrics_, batch).ok()) ++next_log_sequence_;
}

bool LiveJob::WaitForChange(int64_t revision, absl::Duration most) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(most),
                           [&] { return job_.revision() > revision; });
}

}  // namespace lathe
