// Watching a job to its end.
#ifndef LATHE_CLIENTS_CLI_JOB_WATCH_H_
#define LATHE_CLIENTS_CLI_JOB_WATCH_H_

#include <string>

#include "absl/status/status.h"
#include "clients/cli/client.h"
#include "clients/cli/interrupt.h"

namespace lathe {

// Shows the job `name` on standard error as it goes on, and its report on standard output once it
// has succeeded; with `json` each state of the job on standard output instead. Goes on where it was
// if the server comes back within half a minute. An error if the job fails or is cancelled;
// cancelled at an interrupt, which leaves the job running.
absl::Status WatchToEnd(Client& client, const std::string& name, bool json, Interrupt& interrupt);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_JOB_WATCH_H_
