#include "evaluators/training_rules.h"

#include <cmath>

#include "evaluators/task/task.h"

namespace lathe {
namespace {

// A loss above this many times the first one counts as diverged.
constexpr double kDivergedFactor = 10;

}  // namespace

Evaluation DivergedAfter(int steps) {
  Evaluation evaluation;
  evaluation.diverged = true;
  evaluation.steps = steps;
  return evaluation;
}

bool RunScore::HasDiverged(double batch_loss) {
  if (steps_++ == 0) first_loss_ = batch_loss;
  sum_ += batch_loss;
  return HasDivergedAtEnd(batch_loss);
}

bool RunScore::HasDivergedAtEnd(double loss) const {
  return !std::isfinite(loss) || loss > kDivergedFactor * first_loss_;
}

// Step t is the k-th check if it is the first one at or after k twentieths of all steps.
bool RunScore::ChecksTarget(int t) const {
  if (task_.objective() != v1::Task::STEPS_TO_TARGET || reached_) return false;
  const int64_t steps = task_.steps();
  return int64_t{t} * kTargetChecks / steps > int64_t{t - 1} * kTargetChecks / steps;
}

void RunScore::TakeCheck(int t, double validation_loss) {
  const double target = task_.target_loss();
  if (validation_loss <= target) {
    // Before the first check, and after one that was no number, there is nothing to interpolate
    // from.
    const bool known = checked_at_ > 0 && std::isfinite(checked_);
    const double share = !known ? 1 : (checked_ - target) / (checked_ - validation_loss);
    reached_ = checked_at_ + share * (t - checked_at_);
  }
  checked_at_ = t;
  checked_ = validation_loss;
}

double RunScore::Objective(const SplitScore& validation) const {
  switch (task_.objective()) {
    case v1::Task::VALIDATION_ERROR: return validation.error;
    case v1::Task::TRAINING_LOSS_AREA: return sum_ / steps_;
    case v1::Task::STEPS_TO_TARGET:
      if (reached_) return *reached_;
      return task_.steps() * (1 + std::fmax(0, validation.loss - task_.target_loss()));
    default: return validation.loss;
  }
}

}  // namespace lathe
