// A job of this life of the server: its state in memory, in the store, and with those who watch it.
//
// Thread-safe.
#ifndef LATHE_SERVER_LIVE_JOB_H_
#define LATHE_SERVER_LIVE_JOB_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lathe/v1/resources.pb.h"
#include "server/metrics.h"
#include "server/store/keys.h"
#include "server/store/store.h"

namespace lathe {

// SUCCEEDED, FAILED or CANCELLED.
bool HasEnded(v1::Job::State state);

// How many revisions of a job are kept.
inline constexpr int64_t kEventsKept = 1000;

class LiveJob {
 public:
  // `job` without its spec. `next_log_sequence`: of the first entry that is to come.
  LiveJob(Store& store, Metrics& metrics, JobId id, v1::Job job, v1::JobSpec spec,
          int64_t next_log_sequence);

  JobId Id() const { return id_; }
  const v1::JobSpec& Spec() const { return spec_; }
  v1::Job Snapshot() const;  // without its spec

  // Changes the job, raises its revision, writes it and the event together with `batch`, then tells
  // those who wait for it. If that cannot be written, nothing has changed.
  absl::Status Update(const std::function<void(v1::Job&)>& change, WriteBatch batch = {});
  // What the job waits for while nothing can be written. Seen by whoever asks for the job; those
  // who watch it are not told.
  void SetUnsavedWait(const std::string& waiting_for);

  // A line of the job's log. Failures to write it are dropped: a log is no result.
  void Log(v1::LogEntry::Severity severity, const std::string& message);

  // Waits until the job's revision is above `revision`, at most `most`. Whether it is.
  bool WaitForChange(int64_t revision, absl::Duration most) const;

 private:
  void Publish(v1::Job job);

  Store& store_;
  Metrics& metrics_;
  const JobId id_;
  const v1::JobSpec spec_;

  std::mutex change_mutex_;  // one change at a time, from reading the job to publishing it
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  v1::Job job_;

  std::mutex log_mutex_;
  int64_t next_log_sequence_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_LIVE_JOB_H_
