// Trains a few models of one task and seed in step, each with a program of its own.
#ifndef LATHE_EVALUATORS_TRAIN_IN_STEP_H_
#define LATHE_EVALUATORS_TRAIN_IN_STEP_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluators/evaluator.h"
#include "evaluators/model_population.h"
#include "evaluators/splits.h"

namespace lathe {

// What each program scores, in their order. `executions` are fresh, and prepared for the task's
// parameters; they are used up. `models` are as many, for the batches and splits of `problem`. An
// error is never a program's fault.
absl::StatusOr<std::vector<Evaluation>> TrainInStep(const v1::Task& task, int seed_index,
                                                    const Problem& problem,
                                                    std::span<Execution* const> executions,
                                                    Measure measure, ModelPopulation& models);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TRAIN_IN_STEP_H_
