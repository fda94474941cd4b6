// Runs one job, from its spec to its report, on the calling thread.
#ifndef LATHE_SERVER_JOB_RUN_H_
#define LATHE_SERVER_JOB_RUN_H_

#include <chrono>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "search/drive.h"
#include "server/evaluation_desk.h"
#include "server/job_inbox.h"
#include "server/live_job.h"

namespace lathe {

class JobRun {
 public:
  // All outlive the run.
  JobRun(LiveJob& job, std::shared_ptr<JobInbox> inbox, EvaluationDesk& desk, Store& store,
         Metrics& metrics, JobGauges gauges);
  JobRun(const JobRun&) = delete;
  JobRun& operator=(const JobRun&) = delete;

  // Until the job has ended: succeeded, failed, or cancelled; an interrupted job stays as it is.
  // Whether its end is in the store. If not, a later server takes the job up again.
  bool Run();

  // The pool that Drive works with.
  using Finished = JobInbox::Finished;
  void Submit(uint64_t id, EvaluationRequest request);
  Finished Take();

 private:
  using Clock = std::chrono::steady_clock;

  absl::Status RunPhases();
  absl::Status PinClass();
  absl::Status SearchAndCompare();
  absl::Status Report(const DriveResult& search, double search_seconds);
  bool End(const absl::Status& status);

  void Record(const CandidateRecord& record);
  void CountRecord(const CandidateRecord& record);
  absl::Status Flush();
  void Progress(bool now);
  void LogPhase(const std::string& phase);
  void WriteWarnings();
  // Says in the job what it waits for, or that it no longer does.
  void UpdateWaiting();
  absl::Status StopStatus() const;
  double SecondsSince(Clock::time_point start) const;

  LiveJob& job_;
  const std::shared_ptr<JobInbox> inbox_;
  EvaluationDesk& desk_;
  Store& store_;
  Metrics& metrics_;
  const JobGauges gauges_;
  const std::vector<v1::Task> arenas_;
  const Clock::time_point start_ = Clock::now();

  std::string numeric_class_;
  std::unique_ptr<Trajectory> trajectory_;
  std::unique_ptr<Study> study_;
  WriteBatch records_;  // candidates that are not written yet
  size_t unwritten_ = 0;
  uint64_t unanswered_ = 0;  // requests
  Clock::time_point progressed_;
  std::string phase_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_RUN_H_
