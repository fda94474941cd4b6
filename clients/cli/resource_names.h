// What a user writes for a resource: its name or the part of it that says enough.
#ifndef LATHE_CLIENTS_CLI_RESOURCE_NAMES_H_
#define LATHE_CLIENTS_CLI_RESOURCE_NAMES_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clients/cli/client.h"

namespace lathe {

enum class ResourceKind : uint8_t { kJob, kCandidate, kProgram };

struct ResourceName {
  ResourceKind kind = ResourceKind::kJob;
  std::string name;  // as the service has it
};

// "jobs/{16 hex}", "jobs/{16 hex}/candidates/{index}" or "programs/{32 hex}". For a job also its
// digits alone, all of them or so many of the first or last ones that only one job has them; for a
// program also its 32 digits alone. Invalid argument says what a name looks like; not found if no
// job has the digits.
absl::StatusOr<ResourceName> FindResource(const std::string& text, Client& client);

// The same where only a job will do.
absl::StatusOr<std::string> FindJob(const std::string& text, Client& client);

// Whether this is "programs/" and 32 hexadecimal digits.
bool IsProgramName(std::string_view name);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_RESOURCE_NAMES_H_
