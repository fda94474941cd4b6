#include "evaluators/population/training.h"

#include <memory>
#include <optional>

#include "evaluators/model_step.h"
#include "evaluators/task/task.h"
#include "evaluators/training_rules.h"

namespace lathe {
namespace {

// One model on its way.
struct Run {
  std::unique_ptr<ModelStep> step;
  double first_loss = 0;
  std::optional<Evaluation> end;
};

Run Begin(const v1::Task& task, MlpPopulation& models, int model, Execution& execution) {
  std::vector<float*> parameters, gradients;
  for (const size_t offset : models.Offsets()) {
    parameters.push_back(models.Parameters(model).data() + offset);
    gradients.push_back(models.Gradient().data() + offset);
  }
  Run run;
  run.step = std::make_unique<ModelStep>(task, parameters, gradients, execution);
  return run;
}

absl::Status TakeStep(MlpPopulation& models, int model, int t, Run& run) {
  const double loss = models.ForwardBackward(model);
  if (t == 1) run.first_loss = loss;
  if (HasDiverged(loss, run.first_loss)) {
    run.end = DivergedAfter(t - 1);
    return absl::OkStatus();
  }
  return run.step->Take(t);
}

// What is scored at the end.
struct ScoredSplits {
  ExampleBlocks validation;
  std::optional<ExampleBlocks> test;  // if it is measured
};

Evaluation ScoreOf(const v1::Task& task, MlpPopulation& models, int model, double first_loss,
                   const ScoredSplits& splits) {
  Evaluation evaluation;
  evaluation.steps = static_cast<int>(task.steps());
  evaluation.validation = models.Score(model, splits.validation);
  if (HasDiverged(evaluation.validation.loss, first_loss)) return DivergedAfter(evaluation.steps);
  evaluation.objective = ObjectiveOf(task, evaluation.validation);
  if (splits.test) evaluation.test = models.Score(model, *splits.test);
  return evaluation;
}

}  // namespace

absl::StatusOr<std::vector<Evaluation>> TrainInStep(const v1::Task& task, int seed_index,
                                                    const Problem& problem,
                                                    std::span<Execution* const> executions,
                                                    Measure measure,
                                                    const PopulationKernels& kernels) {
  const int count = static_cast<int>(executions.size());
  MlpPopulation models(ParameterShapes(task), static_cast<int>(task.batch()), count, kernels);
  std::vector<Run> runs;
  for (int model = 0; model < count; ++model) {
    models.Load(model, problem.initial_parameters);
    runs.push_back(Begin(task, models, model, *executions[static_cast<size_t>(model)]));
  }
  BatchOrder order(task, seed_index);
  int left = count;
  for (int t = 1; t <= static_cast<int>(task.steps()) && left > 0; ++t) {
    models.TakeBatch(problem.train, order.Next());
    for (int model = 0; model < count; ++model) {
      Run& run = runs[static_cast<size_t>(model)];
      if (run.end) continue;
      if (absl::Status status = TakeStep(models, model, t, run); !status.ok()) return status;
      left -= run.end.has_value();
    }
  }
  ScoredSplits splits{ExampleBlocks(problem.validation, kernels), std::nullopt};
  if (measure == Measure::kValidationAndTest) splits.test.emplace(problem.test, kernels);
  std::vector<Evaluation> evaluations;
  for (int model = 0; model < count; ++model) {
    const Run& run = runs[static_cast<size_t>(model)];
    evaluations.push_back(
        run.end ? *run.end : ScoreOf(task, models, model, run.first_loss, splits));
  }
  return evaluations;
}

}  // namespace lathe
