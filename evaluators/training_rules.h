// What every training run goes by, whatever trains: when it has diverged, and what it scores.
//
//   RunScore score(task);
//   for (int t = 1; t <= steps; ++t) {
//     if (score.HasDiverged(loss of batch t)) return DivergedAfter(t - 1);
//     ... step ...
//     if (score.ChecksTarget(t)) score.TakeCheck(t, validation loss);
//   }
//   if (score.HasDivergedAtEnd(validation.loss)) return DivergedAfter(steps);
//   evaluation.objective = score.Objective(validation);
#ifndef LATHE_EVALUATORS_TRAINING_RULES_H_
#define LATHE_EVALUATORS_TRAINING_RULES_H_

#include <optional>

#include "evaluators/evaluator.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

Evaluation DivergedAfter(int steps);

class RunScore {
 public:
  // `task` is resolved and outlives the object.
  explicit RunScore(const v1::Task& task) : task_(task) {}

  // Takes the loss over the next step's batch. Whether it is NaN, infinite, or more than ten times
  // that of the first step.
  bool HasDiverged(double batch_loss);
  // The same of a loss after the last step.
  bool HasDivergedAtEnd(double loss) const;

  // Whether the validation loss after step t is wanted: at kTargetChecks steps, until it has fallen
  // to the target.
  bool ChecksTarget(int t) const;
  void TakeCheck(int t, double validation_loss);

  // What the task minimises, once all steps are taken.
  double Objective(const SplitScore& validation) const;

 private:
  const v1::Task& task_;
  int steps_ = 0;
  double first_loss_ = 0, sum_ = 0;
  // The last check; none is taken before the first step.
  int checked_at_ = 0;
  double checked_ = 0;
  std::optional<double> reached_;  // the step, interpolated
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TRAINING_RULES_H_
