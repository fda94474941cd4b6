#include "server/job_versions.h"

#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "search/trajectory.h"

namespace lathe {

absl::Status CheckVersions(const v1::Job& job) {
  // A job that never began, or that a server without these versions began, starts anew.
  if (!job.has_start_time() || job.engine_version() == 0) return absl::OkStatus();
  if (job.engine_version() == kEngineVersion && job.language_version() == kLanguageVersion) {
    return absl::OkStatus();
  }
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "it began with engine ", job.engine_version(), " and language ",
                        job.language_version(), "; this server has engine ", kEngineVersion,
                        " and language ", kLanguageVersion, " and cannot go on with it")),
                    "ENGINE_MISMATCH");
}

}  // namespace lathe
