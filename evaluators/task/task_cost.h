// What one training run on a task costs, whatever the program: counted, not measured. Deadlines,
// the bound on memory and the number of models that are trained in step go by it; what a program
// adds to it, and what filters bound, is dsl/cost.h over ParameterShapes.
#ifndef LATHE_EVALUATORS_TASK_TASK_COST_H_
#define LATHE_EVALUATORS_TASK_TASK_COST_H_

#include "lathe/v1/task.pb.h"

namespace lathe {

struct TaskCost {
  double parameters = 0;        // of the model
  double operations = 0;        // of all steps and of scoring, two for a multiply-add
  double drawn_values = 0;      // before the first step: features, and parameters
  double activation_bytes = 0;  // of a batch, forward and backward, in training and in scoring
};

// `task` is resolved.
TaskCost CountTaskCost(const v1::Task& task);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_TASK_COST_H_
