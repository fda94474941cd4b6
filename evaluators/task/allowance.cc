#include "evaluators/task/allowance.h"

#include <algorithm>

#include "dsl/cost.h"
#include "evaluators/task/task.h"
#include "evaluators/task/task_cost.h"

namespace lathe {
namespace {

constexpr double kLeastSeconds = 30;
constexpr double kMostSeconds = 7 * 24 * 3600;

// Speeds, per second, of a machine that is slow, busy and perhaps built with sanitizers.
constexpr double kProgramOperations = 2e6;
constexpr double kOperations = 1e8;
constexpr double kDrawnValues = 1e6;

}  // namespace

double EvaluationAllowanceSeconds(const Program& program, const v1::Task& task, int seeds) {
  const Cost cost = CountCost(program, ParameterShapes(task));
  const TaskCost own = CountTaskCost(task);
  const double run = task.steps() * cost.operations / kProgramOperations +
                     own.operations / kOperations + own.drawn_values / kDrawnValues;
  return std::clamp(kLeastSeconds + seeds * run, kLeastSeconds, kMostSeconds);
}

}  // namespace lathe
