// A job with a service of its own, from the start of the server to the end of all processes.
#ifndef LATHE_CLIENTS_RUN_EMBEDDED_RUN_H_
#define LATHE_CLIENTS_RUN_EMBEDDED_RUN_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "lathe/v1/job_spec.pb.h"
#include "lathe/v1/report.pb.h"

namespace lathe {

struct EmbeddedRunOptions {
  std::string programs;  // folder of lathe-server and lathe-worker
  std::string store;     // empty: one that is gone afterwards
  std::string metrics = "off";
  int workers = 1;
  int batch = 1;
  std::string data, evaluator;  // empty: the worker's own
  bool show_progress = true;
};

struct EmbeddedRunEnd {
  // OK: the job has succeeded and its report is saved. Invalid argument: the server does not take
  // the spec.
  absl::Status status;
  // What made the run stop before its end, or 0.
  int signal = 0;
};

// Told of a job's name and of its report as soon as it is there, while the service still runs.
using SaveReport = std::function<absl::Status(const std::string& job, const v1::JobReport& report)>;

// Runs on the calling thread, which is the main one and alone as yet. SIGINT, SIGTERM and SIGHUP
// cancel the job; a second signal kills what still runs. What the user is to know meanwhile goes to
// standard error.
EmbeddedRunEnd RunEmbedded(const v1::JobSpec& spec, const EmbeddedRunOptions& options,
                           const SaveReport& save);

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_EMBEDDED_RUN_H_
