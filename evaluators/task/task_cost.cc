#include "evaluators/task/task_cost.h"

#include "evaluators/task/model.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

// Forward once, backward twice as much.
constexpr double kPassesPerStep = 3;
// Each activation has a gradient of its size, and scoring has memory of its own.
constexpr double kBytesPerActivation = 2 * 2 * sizeof(float);

double NumbersPerExample(const v1::DatasetDescription& data, const v1::Task& task) {
  return static_cast<double>(IsText(data) ? TokensPerExample(task) : FeaturesOf(data));
}

}  // namespace

TaskCost CountTaskCost(const v1::Task& task) {
  TaskCost cost;
  for (const Shape& shape : ParameterShapes(task)) {
    cost.parameters += static_cast<double>(shape.Elements());
  }
  const double scorings = task.objective() == v1::Task::STEPS_TO_TARGET ? kTargetChecks : 1;
  const double measured = scorings * task.validation_examples() + task.test_examples();
  const double trained = 1.0 * task.batch() * task.steps();
  cost.operations = 2 * MultiplyAdds(task) * (kPassesPerStep * trained + measured);
  const double numbers = NumbersPerExample(task.data(), task);
  const double examples =
      1.0 * task.train_examples() + task.validation_examples() + task.test_examples();
  cost.drawn_values = numbers * examples + cost.parameters;
  cost.activation_bytes = kBytesPerActivation * task.batch() * Activations(task);
  return cost;
}

}  // namespace lathe
