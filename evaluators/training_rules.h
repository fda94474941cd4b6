// What every training run goes by, whatever trains: when it has diverged, and what it scores.
#ifndef LATHE_EVALUATORS_TRAINING_RULES_H_
#define LATHE_EVALUATORS_TRAINING_RULES_H_

#include <cmath>

#include "evaluators/evaluator.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// A loss above this many times the first one counts as diverged.
inline constexpr double kDivergedFactor = 10;

inline bool HasDiverged(double loss, double first_loss) {
  return !std::isfinite(loss) || loss > kDivergedFactor * first_loss;
}

inline Evaluation DivergedAfter(int steps) {
  Evaluation evaluation;
  evaluation.diverged = true;
  evaluation.steps = steps;
  return evaluation;
}

inline double ObjectiveOf(const v1::Task& task, const SplitScore& validation) {
  return task.objective() == v1::Task::VALIDATION_ERROR ? validation.error : validation.loss;
}

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TRAINING_RULES_H_
