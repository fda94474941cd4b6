// What a worker declares of its data.
#ifndef LATHE_EVALUATORS_TASK_DECLARED_DATA_H_
#define LATHE_EVALUATORS_TASK_DECLARED_DATA_H_

#include <string>

#include "lathe/v1/resources.pb.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// Datasets that a worker may declare, as many models, and as many that it has not whole.
inline constexpr int kMaxDeclaredDatasets = 1000;

// Moves the data of a resolved task from those that the worker has to those that cannot be used,
// for `reason`; of a task with a registered model, the model, whichever of the two it is. False,
// and nothing is changed, if the worker does not declare just these.
bool WithdrawData(v1::Worker& worker, const v1::Task& task, const std::string& reason);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_DECLARED_DATA_H_
