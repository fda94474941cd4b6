#include "evaluators/task/allowance.h"

#include <algorithm>

#include "dsl/cost.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

constexpr double kLeastSeconds = 30;
constexpr double kMostSeconds = 7 * 24 * 3600;

// Speeds, per second, of a machine that is slow, busy and perhaps built with sanitizers.
constexpr double kProgramOperations = 2e6;
constexpr double kMultiplyAdds = 1e8;
constexpr double kDrawnValues = 1e6;

// Forward once, backward twice as much.
constexpr double kPassesPerStep = 3;

// Values that are drawn or scaled before the first step.
double DrawnValues(const v1::Task& task, double parameters) {
  const v1::DatasetDescription& data = task.data();
  const auto features =
      static_cast<double>(IsText(data) ? TokensPerExample(task) : FeaturesOf(data));
  const double examples =
      1.0 * task.train_examples() + task.validation_examples() + task.test_examples();
  return features * examples + parameters;
}

}  // namespace

double EvaluationAllowanceSeconds(const Program& program, const v1::Task& task, int seeds) {
  const Cost cost = CountCost(program, ParameterShapes(task));
  const double steps = task.steps();
  const double scorings = task.objective() == v1::Task::STEPS_TO_TARGET ? kTargetChecks : 1;
  const double measured = scorings * task.validation_examples() + task.test_examples();
  const double multiply_adds =
      2 * MultiplyAdds(task) * (kPassesPerStep * task.batch() * steps + measured);
  const double run = steps * cost.operations / kProgramOperations + multiply_adds / kMultiplyAdds +
                     DrawnValues(task, cost.parameters) / kDrawnValues;
  return std::clamp(kLeastSeconds + seeds * run, kLeastSeconds, kMostSeconds);
}

}  // namespace lathe
