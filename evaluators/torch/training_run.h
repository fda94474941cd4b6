// One training of one model with one program as the optimizer.
#ifndef LATHE_EVALUATORS_TORCH_TRAINING_RUN_H_
#define LATHE_EVALUATORS_TORCH_TRAINING_RUN_H_

#include "absl/status/statusor.h"
#include "dsl/executor.h"
#include "evaluators/evaluator.h"
#include "evaluators/splits.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// Trains on `problem`, which is that of the resolved `task` and `seed_index`, and measures the
// result. `execution` is an optimizer prepared for ParameterShapes(task), at the start of its
// states. Throws what torch throws.
absl::StatusOr<Evaluation> Train(const v1::Task& task, int seed_index, const Problem& problem,
                                 Execution& execution, Measure measure);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TRAINING_RUN_H_
