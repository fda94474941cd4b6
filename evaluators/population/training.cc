#include "evaluators/population/training.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "evaluators/model_step.h"
#include "evaluators/task/task.h"
#include "evaluators/training_rules.h"

namespace lathe {
namespace {

// Of the second-level cache, less than many machines have; and what a parameter takes with its
// states, of which programs have two or three.
constexpr int64_t kCacheBytes = 384 << 10, kBytesOfParameter = 16;

// What is scored; the test split only if it is measured.
struct ScoredSplits {
  ScoredSplits(const Problem& problem, Measure measure, const PopulationKernels& kernels)
      : validation(problem.validation, kernels) {
    if (measure == Measure::kValidationAndTest) test.emplace(problem.test, kernels);
  }

  ExampleBlocks validation;
  std::optional<ExampleBlocks> test;
};

// One model on its way.
class Run {
 public:
  Run(const v1::Task& task, const ScoredSplits& splits, MlpPopulation& models, int model,
      Execution& execution)
      : task_(task),
        splits_(splits),
        models_(models),
        model_(model),
        step_(task, At(models.Parameters(model)), At(models.Gradient()), execution),
        score_(task) {}

  bool HasEnded() const { return end_.has_value(); }

  // Step t over the batch that the models hold.
  absl::Status Take(int t) {
    if (score_.HasDiverged(models_.ForwardBackward(model_))) {
      end_ = DivergedAfter(t - 1);
      return absl::OkStatus();
    }
    absl::Status status = step_.Take(t);
    if (score_.ChecksTarget(t)) {
      score_.TakeCheck(t, models_.Score(model_, splits_.validation).loss);
    }
    return status;
  }

  Evaluation End() {
    if (end_) return *end_;
    Evaluation evaluation;
    evaluation.steps = static_cast<int>(task_.steps());
    evaluation.validation = models_.Score(model_, splits_.validation);
    if (score_.HasDivergedAtEnd(evaluation.validation.loss)) {
      return DivergedAfter(evaluation.steps);
    }
    evaluation.objective = score_.Objective(evaluation.validation);
    if (splits_.test) evaluation.test = models_.Score(model_, *splits_.test);
    return evaluation;
  }

 private:
  // Where each parameter lies.
  std::vector<float*> At(std::span<float> values) const {
    std::vector<float*> pointers;
    for (const size_t offset : models_.Offsets()) pointers.push_back(values.data() + offset);
    return pointers;
  }

  const v1::Task& task_;
  const ScoredSplits& splits_;
  MlpPopulation& models_;
  const int model_;
  ModelStep step_;
  RunScore score_;
  std::optional<Evaluation> end_;
};

}  // namespace

int ModelsInStep(std::span<const Shape> shapes) {
  int64_t parameters = 0;
  for (const Shape& shape : shapes) parameters += shape.Elements();
  const int64_t fit = kCacheBytes / (kBytesOfParameter * std::max<int64_t>(parameters, 1));
  return static_cast<int>(std::clamp<int64_t>(fit, 1, kMostInStep));
}

absl::StatusOr<std::vector<Evaluation>> TrainInStep(const v1::Task& task, int seed_index,
                                                    const Problem& problem,
                                                    std::span<Execution* const> executions,
                                                    Measure measure,
                                                    const PopulationKernels& kernels) {
  MlpPopulation models(ParameterShapes(task), static_cast<int>(task.batch()),
                       static_cast<int>(executions.size()), kernels);
  const ScoredSplits splits(problem, measure, kernels);
  std::deque<Run> runs;  // they stay where they are
  for (int model = 0; Execution * execution : executions) {
    models.Load(model, problem.initial_parameters);
    runs.emplace_back(task, splits, models, model++, *execution);
  }
  BatchOrder order(task, seed_index);
  const auto runs_on = [](const Run& run) { return !run.HasEnded(); };
  for (int t = 1; t <= static_cast<int>(task.steps()); ++t) {
    if (std::ranges::none_of(runs, runs_on)) break;
    models.TakeBatch(problem.train, order.Next());
    for (Run& run : runs) {
      if (run.HasEnded()) continue;
      if (absl::Status status = run.Take(t); !status.ok()) return status;
    }
  }
  std::vector<Evaluation> evaluations;
  evaluations.reserve(runs.size());
  for (Run& run : runs) evaluations.push_back(run.End());
  return evaluations;
}

}  // namespace lathe
