// The commands of `lathe`. Each says on standard output what it was asked for and nothing else;
// with `json` that is one JSON document (for a stream one a line).
//
// A status that is not OK ends the program: cancelled means that Ctrl-C has ended the command,
// invalid argument that it was asked for something that cannot be.
#ifndef LATHE_CLIENTS_CLI_COMMANDS_H_
#define LATHE_CLIENTS_CLI_COMMANDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "rpc/address.h"

namespace lathe {

struct SubmitOptions {
  std::string job_file;
  std::vector<std::string> overrides;
  std::optional<std::string> seed;
  std::string request_id;
  bool watch = false;
};
absl::Status SubmitCommand(const Address& server, const SubmitOptions& options, bool json);

// The `most` most recent jobs.
absl::Status JobsCommand(const Address& server, size_t most, bool json);

// Until the job has ended; then its report. An error if it has not succeeded.
absl::Status WatchCommand(const Address& server, const std::string& job, bool json);

// Jobs and workers, once a second until Ctrl-C on a terminal or with `json`; else once.
absl::Status TopCommand(const Address& server, bool once, bool json);

absl::Status ShowCommand(const Address& server, const std::string& name, bool json);

struct ExportOptions {
  // Of a program, or of a job: for what it has found, or for its candidates; or a .lathe file or a
  // known program, for which no server is asked.
  std::string name;
  std::string format = "text";  // or pytorch, cpp, jsonl, csv
  std::string out_file;         // empty: standard output
};
absl::Status ExportCommand(const Address& server, const ExportOptions& options, bool json);

enum class JobVerb { kPause, kResume, kStop, kCancel, kDelete };
absl::Status JobVerbCommand(const Address& server, JobVerb verb, const std::string& job, bool json);

struct VerifyOptions {
  int sample = 20;
  uint64_t seed = 1;
};
// An error if a repeated evaluation differs from the recorded one, or could not be repeated.
absl::Status VerifyCommand(const Address& server, const std::string& job,
                           const VerifyOptions& options, bool json);

// With `follow` until the job has ended.
absl::Status LogsCommand(const Address& server, const std::string& job, bool follow, bool json);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_COMMANDS_H_
