#include "evaluators/torch/training_run.h"

#include <vector>

#include "evaluators/model_step.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/mlp.h"
#include "evaluators/training_rules.h"

namespace lathe {

absl::StatusOr<Evaluation> Train(const v1::Task& task, int seed_index, const Problem& problem,
                                 Execution& execution, Measure measure) {
  Mlp mlp(ParameterShapes(task), static_cast<int>(task.batch()));
  mlp.Load(problem.initial_parameters);
  std::vector<float*> parameters, gradients;
  for (int i = 0; i < mlp.ParameterCount(); ++i) {
    parameters.push_back(mlp.Parameter(i).data());
    gradients.push_back(mlp.Gradient(i).data());
  }
  ModelStep step(task, parameters, gradients, execution);
  BatchOrder order(task, seed_index);
  RunScore score(task);
  const int steps = static_cast<int>(task.steps());
  for (int t = 1; t <= steps; ++t) {
    if (score.HasDiverged(mlp.ForwardBackward(problem.train, order.Next()))) {
      return DivergedAfter(t - 1);
    }
    if (absl::Status status = step.Take(t); !status.ok()) return status;
    if (score.ChecksTarget(t)) score.TakeCheck(t, mlp.Score(problem.validation).loss);
  }

  Evaluation evaluation;
  evaluation.steps = steps;
  evaluation.validation = mlp.Score(problem.validation);
  if (score.HasDivergedAtEnd(evaluation.validation.loss)) return DivergedAfter(steps);
  evaluation.objective = score.Objective(evaluation.validation);
  if (measure == Measure::kValidationAndTest) evaluation.test = mlp.Score(problem.test);
  return evaluation;
}

}  // namespace lathe
