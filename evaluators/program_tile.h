// Some of a population's programs, which are trained in step with one seed after the other: what
// all evaluators of populations have in common.
#ifndef LATHE_EVALUATORS_PROGRAM_TILE_H_
#define LATHE_EVALUATORS_PROGRAM_TILE_H_

#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/executor.h"
#include "evaluators/evaluator.h"
#include "evaluators/problem_cache.h"

namespace lathe {

// What each program scores with one seed index; the executions are as TrainInStep takes them.
using TrainPrograms = std::function<absl::StatusOr<std::vector<Evaluation>>(
    int seed_index, const Problem& problem, std::span<Execution* const> executions)>;

struct TileMeans {
  const Executor& executor;
  ProblemCache& problems;
  const TrainPrograms& train;
};

// Trains programs begin .. begin + count - 1 of the request and tells of each. `task` is the
// request's, resolved. A program that the others could suffer from is given a tile of its own.
void TrainTile(const TileMeans& means, const PopulationRequest& request, const v1::Task& task,
               size_t begin, size_t count, const OnEvaluations& tell);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_PROGRAM_TILE_H_
