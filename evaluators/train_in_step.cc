#include "evaluators/train_in_step.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "evaluators/model_step.h"
#include "evaluators/training_rules.h"

namespace lathe {
namespace {

// One model on its way.
class Run {
 public:
  Run(const v1::Task& task, Measure measure, ModelPopulation& models, int model,
      Execution& execution)
      : task_(task),
        measure_(measure),
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
      score_.TakeCheck(t, models_.Score(model_, Split::kValidation).loss);
    }
    return status;
  }

  Evaluation End() {
    if (end_) return *end_;
    Evaluation evaluation;
    evaluation.steps = static_cast<int>(task_.steps());
    evaluation.validation = models_.Score(model_, Split::kValidation);
    if (score_.HasDivergedAtEnd(evaluation.validation.loss)) {
      return DivergedAfter(evaluation.steps);
    }
    evaluation.objective = score_.Objective(evaluation.validation);
    if (measure_ == Measure::kValidationAndTest) {
      evaluation.test = models_.Score(model_, Split::kTest);
    }
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
  const Measure measure_;
  ModelPopulation& models_;
  const int model_;
  ModelStep step_;
  RunScore score_;
  std::optional<Evaluation> end_;
};

}  // namespace

absl::StatusOr<std::vector<Evaluation>> TrainInStep(const v1::Task& task, int seed_index,
                                                    const Problem& problem,
                                                    std::span<Execution* const> executions,
                                                    Measure measure, ModelPopulation& models) {
  std::deque<Run> runs;  // they stay where they are
  for (int model = 0; Execution * execution : executions) {
    models.Load(model, problem.initial_parameters);
    runs.emplace_back(task, measure, models, model++, *execution);
  }
  BatchOrder order(task, seed_index);
  const auto runs_on = [](const Run& run) { return !run.HasEnded(); };
  for (int t = 1; t <= static_cast<int>(task.steps()); ++t) {
    if (std::ranges::none_of(runs, runs_on)) break;
    models.TakeBatch(order.Next());
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
