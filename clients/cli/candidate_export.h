// All candidates of a job, for one's own analysis: lineage, outcome, program.
#ifndef LATHE_CLIENTS_CLI_CANDIDATE_EXPORT_H_
#define LATHE_CLIENTS_CLI_CANDIDATE_EXPORT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "clients/cli/client.h"

namespace lathe {

enum class CandidateFormat : uint8_t {
  kJsonl,  // a message Candidate a line
  kCsv,    // RFC 4180, with a header line; parents are separated by spaces
};

// Gives the export to `write` in pieces, in the order of indices; what has been told by the time of
// the call. `job` is "jobs/{job}". After each page `on_page` is told how many candidates are
// written.
absl::Status ExportCandidates(Client& client, const std::string& job, CandidateFormat format,
                              const std::function<void(std::string_view)>& write,
                              const std::function<void(uint64_t written)>& on_page);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_CANDIDATE_EXPORT_H_
