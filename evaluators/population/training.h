// Trains a few multi-layer perceptrons of one task and seed in step, each with a program of its
// own.
#ifndef LATHE_EVALUATORS_POPULATION_TRAINING_H_
#define LATHE_EVALUATORS_POPULATION_TRAINING_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluators/evaluator.h"
#include "evaluators/population/kernels.h"
#include "evaluators/splits.h"

namespace lathe {

// How many models of the task are best trained in step: at most kMostInStep, which is
// enough to share the work of gathering batches, and so few that parameters and states stay in the
// second-level cache.
inline constexpr int kMostInStep = 8;
int ModelsInStep(const v1::Task& task);

// What each program scores, in their order (see TrainInStep).
absl::StatusOr<std::vector<Evaluation>> TrainMlps(const v1::Task& task, int seed_index,
                                                  const Problem& problem,
                                                  std::span<Execution* const> executions,
                                                  Measure measure,
                                                  const PopulationKernels& kernels);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_POPULATION_TRAINING_H_
