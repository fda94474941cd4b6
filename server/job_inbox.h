// What a job's thread hears from others: results, news of workers, warnings, and that it is to end.
//
// Thread-safe.
#ifndef LATHE_SERVER_JOB_INBOX_H_
#define LATHE_SERVER_JOB_INBOX_H_

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/evaluation_request.h"

namespace lathe {

class JobInbox : public EvaluationClient {
 public:
  struct Finished {
    uint64_t id;
    absl::StatusOr<EvaluationResult> result;
  };
  // Why the job is to leave its thread.
  enum class Leave : uint8_t { kNone, kPause, kInterrupt, kCancel };

  // With what an earlier life of the job has been delivered.
  explicit JobInbox(v1::EvaluationCounts sources) : sources_(std::move(sources)) {}

  void Deliver(uint64_t id, absl::StatusOr<EvaluationResult> result,
               const v1::EvaluationCounts& sources) override;
  void WorkersChanged() override;
  void Warn(const std::string& message) override;

  // A user pauses the job; the server stops, and a later one goes on with the job; a user ends it.
  // A later request stands only if it is further on in this list.
  void Pause() { RequestLeave(Leave::kPause); }
  void Interrupt() { RequestLeave(Leave::kInterrupt); }
  void Cancel() { RequestLeave(Leave::kCancel); }
  Leave LeaveRequested() const;
  // A user wants the search to propose nothing more.
  void Stop();
  bool StopRequested() const;

  // A result if there is one.
  std::optional<Finished> Poll();
  // Waits for anything to happen, at most `most`.
  void Wait(absl::Duration most);
  // Waits for Interrupt alone, at most `most`. Whether it came.
  bool WaitForInterrupt(absl::Duration most);
  // Whether workers came or went since the last call.
  bool TakeWorkersChanged();
  std::vector<std::string> TakeWarnings();
  // Of all that has been delivered so far.
  v1::EvaluationCounts Sources() const;

 private:
  void RequestLeave(Leave leave);

  mutable std::mutex mutex_;
  std::condition_variable happened_;
  std::deque<Finished> finished_;
  std::vector<std::string> warnings_;
  size_t warnings_left_out_ = 0;
  v1::EvaluationCounts sources_;
  bool workers_changed_ = false;
  bool woken_ = false;
  Leave leave_ = Leave::kNone;
  bool stop_ = false;
};

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_INBOX_H_
