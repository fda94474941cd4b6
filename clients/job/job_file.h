// Job files: YAML that maps onto lathe.v1.JobSpec, field by field.
//
//   absl::StatusOr<v1::JobSpec> job = ReadJobFile("sweep.yaml", {"budget.candidates=300"});
//
// Strict: what is not understood is an error. An error is an invalid argument with a line for each
// of the first 20 mistakes, which names the place, the field and what is allowed:
//
//   sweep.yaml:4:9: strategy.kind: expected one of random, evolution, constants; got the text "evo"
//   --set budget.candidats=3: budget.candidats: no such field (did you mean candidates?); allowed
//   are candidates, evaluations
//
// Only the form is checked, and defaults stay absent: whether a job makes sense is decided by the
// search. No bytes make a reader crash or hang. Thread-safe.
#ifndef LATHE_CLIENTS_JOB_JOB_FILE_H_
#define LATHE_CLIENTS_JOB_JOB_FILE_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lathe/v1/job_spec.pb.h"

namespace lathe {

// The job that `yaml` spells, with `overrides` ("FIELD=VALUE", see field_override.h) applied in
// order, and program files (entries of `warm_start` and `study.baselines[].program` that end in
// ".lathe") replaced by their text. Relative paths, also those in overrides, start at the folder of
// `file_name`, which need not exist itself.
absl::StatusOr<v1::JobSpec> ParseJob(std::string_view yaml, std::string_view file_name,
                                     std::span<const std::string> overrides);

// The same for a file; not found if there is none.
absl::StatusOr<v1::JobSpec> ReadJobFile(const std::string& path,
                                        std::span<const std::string> overrides);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_JOB_FILE_H_
