// Names of resources: "jobs/{16 hex}", "jobs/{job}/candidates/{index}", "programs/{32 hex}",
// "workers/{16 hex}".
#ifndef LATHE_SERVER_RESOURCE_NAMES_H_
#define LATHE_SERVER_RESOURCE_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "dsl/hash.h"
#include "server/lease_queue.h"
#include "server/store/keys.h"

namespace lathe {

std::string JobName(JobId id);
std::string CandidateName(JobId id, uint64_t index);
std::string ProgramName(const Hash128& hash);
std::string WorkerName(WorkerId id);

// Invalid argument, with the field at fault, says what a name looks like.
absl::StatusOr<JobId> ParseJobName(std::string_view name, std::string_view field);
absl::StatusOr<std::pair<JobId, uint64_t>> ParseCandidateName(std::string_view name,
                                                              std::string_view field);
absl::StatusOr<Hash128> ParseProgramName(std::string_view name, std::string_view field);
absl::StatusOr<WorkerId> ParseWorkerName(std::string_view name, std::string_view field);

// 32 lower-case hexadecimal digits.
std::optional<Hash128> ParseHash(std::string_view hex);

}  // namespace lathe

#endif  // LATHE_SERVER_RESOURCE_NAMES_H_
