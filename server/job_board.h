// All jobs: those of this life, which run or wait their turn, and those that have ended, in the
// store.
//
// Thread-safe.
#ifndef LATHE_SERVER_JOB_BOARD_H_
#define LATHE_SERVER_JOB_BOARD_H_

#include <array>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "lathe/v1/search_service.pb.h"
#include "server/evaluation_desk.h"
#include "server/job_inbox.h"
#include "server/live_job.h"

namespace lathe {

enum class Unfinished : uint8_t { kResume, kAbandon };

class JobBoard {
 public:
  // All outlive the board.
  JobBoard(Store& store, EvaluationDesk& desk, Metrics& metrics);
  // Interrupts what runs; see Stop.
  ~JobBoard();

  // Takes up the jobs that an earlier server left unfinished, or ends them as cancelled.
  absl::Status Restore(Unfinished unfinished);
  // Interrupts what runs and waits for it. A later server goes on with it.
  void Stop();
  // Clears up after jobs that have ended; to be called now and then.
  void Reap();

  // See search_service.proto.
  absl::StatusOr<v1::Job> Create(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> Get(JobId id) const;  // with its spec
  absl::StatusOr<v1::Job> PauseJob(JobId id);
  absl::StatusOr<v1::Job> ResumeJob(JobId id);
  absl::StatusOr<v1::Job> StopJob(JobId id);
  absl::StatusOr<v1::Job> CancelJob(JobId id);
  absl::Status DeleteJob(JobId id);
  // Jobs from `first` on, the most recent first; `most` of them.
  absl::StatusOr<std::vector<v1::Job>> List(std::string_view first_key, size_t most) const;
  // Null if the job has ended or is not there.
  std::shared_ptr<LiveJob> Live(JobId id) const;

 private:
  struct Entry {
    std::shared_ptr<LiveJob> job;
    std::shared_ptr<JobInbox> inbox;
    int slot = -1;  // while it runs
    std::thread thread;
  };

  absl::StatusOr<DatasetSurvey> DatasetsFor(const std::string& request_id);
  absl::StatusOr<std::optional<v1::Job>> FindByRequest(const std::string& request_id,
                                                       const v1::JobSpec& spec) const;
  absl::StatusOr<v1::Job> Get(JobId id, const std::shared_ptr<LiveJob>& live) const;
  absl::Status RestoreOne(JobId id, v1::Job job, Unfinished unfinished);
  void Add(std::shared_ptr<LiveJob> job);
  // Its entry if it has not ended. Not found; failed precondition, with what cannot be done to it.
  absl::StatusOr<Entry*> FindUnfinished(JobId id, const std::string& verb);
  // Of a job that no thread runs.
  absl::Status Settle(Entry& entry, v1::Job::State state, const std::string& reason);
  void StartNext();
  void Start(Entry& entry, int slot);
  int FreeSlot() const;

  Store& store_;
  EvaluationDesk& desk_;
  Metrics& metrics_;

  mutable std::mutex mutex_;
  std::condition_variable job_left_;  // a thread has ended
  std::map<JobId, Entry> entries_;
  std::vector<std::thread> ended_;                  // of jobs that are through
  std::array<JobId, kJobSlots> slots_ = {};         // who had it last
  std::array<uint64_t, kJobSlots> slot_uses_ = {};  // when, by a counter
  uint64_t uses_ = 0;
  JobId last_id_ = 0;
  bool stopping_ = false;
};

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_BOARD_H_
