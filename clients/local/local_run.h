// A whole job in one process: the search, then its study.
#ifndef LATHE_CLIENTS_LOCAL_LOCAL_RUN_H_
#define LATHE_CLIENTS_LOCAL_LOCAL_RUN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "clients/local/drive.h"
#include "lathe/v1/job.pb.h"

namespace lathe {

struct LocalRunOptions {
  int threads = 1;
  bool show_progress = true;
};

struct LocalRunResult {
  v1::Job job;  // resolved
  std::string numeric_class;
  std::unique_ptr<Trajectory> trajectory;
  std::unique_ptr<Study> study;  // null if the job has none
  DriveResult search;
  double search_seconds = 0, wall_seconds = 0;

  // The program to hand out: the study's choice as it was tuned on the search's own task, which is
  // what the study's table scores; without a study the search's best. Null if nothing ran through.
  std::shared_ptr<const CanonicalForm> Found() const;
};

// `job` is resolved. Before the first proposal every task is checked against the evaluator.
absl::StatusOr<LocalRunResult> RunLocally(const v1::Job& job, Evaluator& evaluator,
                                          const LocalRunOptions& options);

}  // namespace lathe

#endif  // LATHE_CLIENTS_LOCAL_LOCAL_RUN_H_
