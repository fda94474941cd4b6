// Jobs in the store.
#ifndef LATHE_SERVER_JOB_RECORDS_H_
#define LATHE_SERVER_JOB_RECORDS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lathe/v1/resources.pb.h"
#include "server/store/keys.h"
#include "server/store/store.h"

namespace lathe {

// Without its spec. Not found (reason JOB_NOT_FOUND) if there is none.
absl::StatusOr<v1::Job> ReadJob(const Store& store, JobId id);
absl::StatusOr<v1::JobSpec> ReadJobSpec(const Store& store, JobId id);
// Of the log entry that comes next.
absl::StatusOr<int64_t> NextLogSequence(const Store& store, JobId id);

// The job that a request made; nothing if the request id is new. JobIdBytes is the value under it.
absl::StatusOr<std::optional<JobId>> ReadJobOfRequest(const Store& store,
                                                      const std::string& request_id);
std::string JobIdBytes(JobId id);

// Jobs that have not ended, the oldest first. Raises `last_id` to the latest of all jobs.
absl::StatusOr<std::vector<std::pair<JobId, v1::Job>>> ReadUnfinishedJobs(const Store& store,
                                                                          JobId& last_id);

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_RECORDS_H_
