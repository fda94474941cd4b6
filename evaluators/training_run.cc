#include "evaluators/training_run.h"

#include <cmath>
#include <string_view>
#include <vector>

#include "evaluators/mlp.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

// A loss above this many times the first one counts as diverged.
constexpr double kDivergedFactor = 10;

// The program's view of a model: its inputs are bound once, each step changes only what they hold.
class Optimizer {
 public:
  Optimizer(const v1::Task& task, Mlp& mlp, Execution& execution)
      : task_(task), mlp_(mlp), execution_(execution), total_steps_(task.steps()) {
    const Signature& signature = OptimizerSignature();
    bindings_.inputs.resize(signature.inputs.size());
    bindings_.outputs.resize(signature.outputs.size());
    BindParameters();
    Input("lr") = {ArrayRef(&lr_)};
    Input("t") = {ArrayRef(&t_)};
    Input("total_steps") = {ArrayRef(&total_steps_)};
  }
  Optimizer(const Optimizer&) = delete;  // the bindings point into it
  Optimizer& operator=(const Optimizer&) = delete;

  // Step `t`, from 1 on, with the gradient that the model holds.
  absl::Status Step(int t) {
    t_ = t;
    lr_ = LearningRate(task_, t);
    return execution_.Step(bindings_);
  }

 private:
  std::vector<ArrayRef>& Input(std::string_view name) {
    return bindings_.inputs[static_cast<size_t>(*OptimizerSignature().InputByName(name))];
  }

  void BindParameters() {
    const int update = *OptimizerSignature().OutputByName("update");
    std::vector<ArrayRef>& outputs = bindings_.outputs[static_cast<size_t>(update)];
    for (int i = 0; i < mlp_.ParameterCount(); ++i) {
      Input("w").emplace_back(mlp_.Parameter(i).data());
      Input("g").emplace_back(mlp_.Gradient(i).data());
      outputs.emplace_back(mlp_.Parameter(i).data());
    }
    bindings_.subtract_outputs = true;
  }

  const v1::Task& task_;
  Mlp& mlp_;
  Execution& execution_;
  double lr_ = 0, t_ = 0, total_steps_;
  StepBindings bindings_;
};

double Objective(const v1::Task& task, const SplitScore& validation) {
  return task.objective() == v1::Task::VALIDATION_ERROR ? validation.error : validation.loss;
}

bool HasDiverged(double loss, double first_loss) {
  return !std::isfinite(loss) || loss > kDivergedFactor * first_loss;
}

Evaluation Diverged(int steps) {
  Evaluation evaluation;
  evaluation.diverged = true;
  evaluation.steps = steps;
  return evaluation;
}

}  // namespace

absl::StatusOr<Evaluation> Train(const v1::Task& task, int seed_index, const Problem& problem,
                                 Execution& execution, Measure measure) {
  Mlp mlp(ParameterShapes(task), static_cast<int>(task.batch()));
  mlp.Load(problem.initial_parameters);
  Optimizer optimizer(task, mlp, execution);
  BatchOrder order(task, seed_index);
  const int steps = static_cast<int>(task.steps());
  double first_loss = 0;
  for (int t = 1; t <= steps; ++t) {
    const double loss = mlp.ForwardBackward(problem.train, order.Next());
    if (t == 1) first_loss = loss;
    if (HasDiverged(loss, first_loss)) return Diverged(t - 1);
    if (absl::Status status = optimizer.Step(t); !status.ok()) return status;
  }

  Evaluation evaluation;
  evaluation.steps = steps;
  evaluation.validation = mlp.Score(problem.validation);
  if (HasDiverged(evaluation.validation.loss, first_loss)) return Diverged(steps);
  evaluation.objective = Objective(task, evaluation.validation);
  if (measure == Measure::kValidationAndTest) evaluation.test = mlp.Score(problem.test);
  return evaluation;
}

}  // namespace lathe
