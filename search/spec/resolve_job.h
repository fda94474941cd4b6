// A job as it is run: every default filled in, every field checked. Defaults may change later; a
// job that ran keeps its own.
#ifndef LATHE_SEARCH_SPEC_RESOLVE_JOB_H_
#define LATHE_SEARCH_SPEC_RESOLVE_JOB_H_

#include "absl/status/statusor.h"
#include "dsl/program.h"
#include "evaluators/task/model_catalog.h"
#include "lathe/v1/job_spec.pb.h"

namespace lathe {

// Invalid argument names the field ("strategy.tournament: ...") and what is allowed. Programs are
// replaced by their text, every op of the search space is listed with its weight, tasks say what
// their data are. Resolving a resolved job changes nothing.
absl::StatusOr<v1::JobSpec> ResolveJob(const v1::JobSpec& job,
                                       const TaskCatalog& catalog = ShippedDatasets());

// The same for a strategy, which a control has too; `place` names it in messages.
absl::StatusOr<v1::Strategy> ResolveStrategy(const v1::Strategy& strategy,
                                             const Signature& signature, std::string_view place);

// The same for a study. `task` is the job's, resolved.
absl::StatusOr<v1::Study> ResolveStudy(const v1::Study& study, const v1::Task& task,
                                       const Signature& signature, const TaskCatalog& catalog);

// The same for the job's hurdles. Its task is resolved.
absl::Status ResolveHurdles(v1::JobSpec& job, const TaskCatalog& catalog);

// A known program's name, or a text. `place` names the field in messages.
absl::StatusOr<Program> ProgramOf(const std::string& name_or_text, const Signature& signature,
                                  std::string_view place);

// Invalid argument "PLACE: PROBLEM".
absl::Status FieldError(std::string_view place, std::string_view problem);

}  // namespace lathe

#endif  // LATHE_SEARCH_SPEC_RESOLVE_JOB_H_
