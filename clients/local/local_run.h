// A whole job in one process: the search, then its study.
#ifndef LATHE_CLIENTS_LOCAL_LOCAL_RUN_H_
#define LATHE_CLIENTS_LOCAL_LOCAL_RUN_H_

#include "absl/status/statusor.h"
#include "evaluators/evaluator.h"
#include "lathe/v1/job_spec.pb.h"
#include "lathe/v1/report.pb.h"

namespace lathe {

struct LocalRunOptions {
  int threads = 1;
  bool show_progress = true;
};

// `job` is resolved. Before the first proposal every task is checked against the evaluator.
absl::StatusOr<v1::JobReport> RunLocally(const v1::JobSpec& job, Evaluator& evaluator,
                                         const LocalRunOptions& options);

}  // namespace lathe

#endif  // LATHE_CLIENTS_LOCAL_LOCAL_RUN_H_
