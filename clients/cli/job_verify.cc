// lathe verify: recorded evaluations are repeated by the workers that are there.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/message_json.h"
#include "clients/cli/resource_names.h"
#include "clients/cli/terminal_text.h"

namespace lathe {
namespace {

std::string SeedText(const v1::SeedResult& seed) {
  return seed.diverged() ? "diverged" : absl::StrFormat("%.17g", seed.objective());
}

// What differs, a line per seed.
std::string DifferenceText(const v1::VerifyJobResponse& response) {
  std::string text = OneLine(response.candidate());
  if (!response.problem().empty()) return text + ": " + OneLine(response.problem());
  for (int i = 0; i < response.recorded_size() && i < response.repeated_size(); ++i) {
    const std::string recorded = SeedText(response.recorded(i));
    const std::string repeated = SeedText(response.repeated(i));
    if (response.recorded(i).SerializeAsString() == response.repeated(i).SerializeAsString()) {
      continue;
    }
    absl::StrAppend(&text, "\n  seed ", i, ": recorded ", recorded, ", repeated ", repeated);
  }
  return text;
}

}  // namespace

absl::Status VerifyCommand(const Address& server, const std::string& job,
                           const VerifyOptions& options, bool json) {
  Interrupt interrupt;
  Client client(server);
  const absl::StatusOr<std::string> name = FindJob(job, client);
  if (!name.ok()) return name.status();
  v1::VerifyJobRequest request;
  request.set_name(*name);
  request.set_sample(options.sample);
  request.set_seed(options.seed);
  int done = 0, different = 0;
  const absl::Status status =
      client.VerifyJob(request, interrupt, [&](const v1::VerifyJobResponse& response) {
        ++done;
        different += !response.equal();
        if (json) return PrintLine(MessageJson(response));
        if (!response.equal()) PrintLine(DifferenceText(response));
        std::fprintf(stderr, "\r%d of %d repeated", done, response.sample());
      });
  if (!json && done > 0) std::fprintf(stderr, "\n");
  if (!status.ok()) return status;
  if (different > 0) {
    return absl::AbortedError(
        absl::StrCat(different, " of ", done, " candidates are not as recorded"));
  }
  if (!json) PrintLine(absl::StrCat(done, " candidates repeated, every bit as recorded"));
  return absl::OkStatus();
}

}  // namespace lathe
