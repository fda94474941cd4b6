// The revisions of a job, one after the other, for whoever watches it.
#ifndef LATHE_SERVER_JOB_EVENTS_H_
#define LATHE_SERVER_JOB_EVENTS_H_

#include <functional>

#include "server/job_board.h"

namespace lathe {

class JobEvents {
 public:
  // `store` and `board` outlive it.
  JobEvents(const Store& store, const JobBoard& board, JobId id)
      : store_(store), board_(board), id_(id) {}

  // Tells each revision after `after`, in order, until the job has ended; or, if `after` is
  // negative, the job as it is and each revision that follows. Out of range (reason WATCH_TOO_OLD)
  // if a revision that is due is no longer kept, or (REVISION_UNKNOWN) if `after` has not been
  // reached; cancelled once `tell` returns false or `is_gone` says so; unavailable once `is_ending`
  // does.
  absl::Status Tell(int64_t after, const std::function<bool(v1::Job)>& tell,
                    const std::function<bool()>& is_gone,
                    const std::function<bool()>& is_ending) const;

 private:
  absl::StatusOr<std::vector<v1::Job>> Read(int64_t after) const;

  const Store& store_;
  const JobBoard& board_;
  const JobId id_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_EVENTS_H_
