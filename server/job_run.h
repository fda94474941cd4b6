// Runs one job, from its spec or from where an earlier life left it, on the calling thread.
#ifndef LATHE_SERVER_JOB_RUN_H_
#define LATHE_SERVER_JOB_RUN_H_

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "search/drive.h"
#include "server/evaluation_desk.h"
#include "server/job_inbox.h"
#include "server/live_job.h"
#include "server/search_log.h"

namespace lathe {

// Outcomes that are told from one checkpoint of a search to the next: what a restart tells again at
// most, but for a window and what was told since the last records were written.
inline constexpr uint64_t kCheckpointInterval = 1000;

class JobRun {
 public:
  // All outlive the run.
  JobRun(LiveJob& job, std::shared_ptr<JobInbox> inbox, EvaluationDesk& desk, Store& store,
         Metrics& metrics, JobGauges gauges);
  JobRun(const JobRun&) = delete;
  JobRun& operator=(const JobRun&) = delete;

  // Until the job has ended or is asked to leave. What has become of it is in the store, and in the
  // job; an interrupted one is RUNNING there, and a later server goes on with it.
  void Run();

  // The pool that Drive works with.
  using Finished = JobInbox::Finished;
  void Submit(uint64_t id, EvaluationRequest request);
  Finished Take();

 private:
  using Clock = std::chrono::steady_clock;

  // A search of the job and its log.
  struct Search {
    Search(const Store& store, Metrics* metrics, JobId job, int number)
        : log(store, metrics, job, number) {}
    SearchLog log;
    Trajectory* trajectory = nullptr;  // null until all searches of its phase are restored
    uint64_t told_at_checkpoint = 0;
  };

  absl::Status RunPhases();
  absl::Status Begin();
  absl::Status PinClass();
  absl::Status SearchAndCompare();
  absl::StatusOr<DriveResult> RunSearch();
  absl::Status RunStudy();
  absl::Status Restore(Search& search, Trajectory& trajectory);
  absl::Status Report(const DriveResult& search, double search_seconds);
  // After an error, or when it is asked to leave.
  void End(const absl::Status& status);

  absl::Status EndSearch(const std::string& reason);
  absl::Status CheckBudgets();
  absl::Status LeaveStatus() const;
  // Asked between results: whether the job stops, leaves, or has spent its time.
  absl::Status CheckRequests();

  enum class Checkpoints : uint8_t { kIfDue, kAll };
  absl::Status Flush(Checkpoints checkpoints);
  WriteBatch TakeRecords(Checkpoints checkpoints);
  size_t Unwritten() const;
  // Writes, again and again while the store cannot be written to.
  absl::Status Persist(const std::function<absl::Status()>& write);
  absl::Status Update(const std::function<void(v1::Job&)>& change, WriteBatch batch = {});
  void NoteStore(const absl::Status& written);
  void Progress(bool now);
  void LogPhase(const std::string& phase);
  void WriteWarnings();
  // Says in the job what it waits for, or that it no longer does.
  void UpdateWaiting();
  double RunningSeconds() const;
  double SecondsSince(Clock::time_point start) const;

  LiveJob& job_;
  const std::shared_ptr<JobInbox> inbox_;
  EvaluationDesk& desk_;
  Store& store_;
  Metrics& metrics_;
  const JobGauges gauges_;
  const std::vector<v1::Task> arenas_;
  const Clock::time_point start_ = Clock::now();
  const double earlier_seconds_;  // that the job ran in earlier lives

  std::string numeric_class_;
  std::deque<Search> searches_;  // the job's own, then those of controls
  std::unique_ptr<Trajectory> trajectory_;
  std::unique_ptr<Study> study_;
  bool searching_ = false;
  bool stopped_ = false;  // by a user
  bool waits_for_store_ = false;
  uint64_t unanswered_ = 0;  // requests
  Clock::time_point progressed_;
  std::string phase_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_RUN_H_
