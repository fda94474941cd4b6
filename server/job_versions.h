// Whether this server can go on with a job.
#ifndef LATHE_SERVER_JOB_VERSIONS_H_
#define LATHE_SERVER_JOB_VERSIONS_H_

#include "absl/status/status.h"
#include "lathe/v1/resources.pb.h"

namespace lathe {

// Job.stop_reason of a job that a user stopped.
inline constexpr char kStoppedByUser[] = "stopped";

// A search goes on only with the engine and the language that it began with: others would propose
// something else. Failed precondition (reason ENGINE_MISMATCH) names both.
absl::Status CheckVersions(const v1::Job& job);

}  // namespace lathe

#endif  // LATHE_SERVER_JOB_VERSIONS_H_
