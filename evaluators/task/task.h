// What a task is, without the means to run it: defaults, validation, shapes, cost, hash. Links no
// torch.
//
//   absl::StatusOr<v1::Task> task = ResolveTask(job.task());
//   Cost cost = CountCost(program, ParameterShapes(*task));
#ifndef LATHE_EVALUATORS_TASK_TASK_H_
#define LATHE_EVALUATORS_TASK_TASK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "dsl/executor.h"
#include "dsl/hash.h"
#include "evaluators/task/model_catalog.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// `task` with every default filled in and what `catalog` says of its dataset and of its model, if
// that is a registered one. Invalid argument
// names the field ("task.batch: ...") and what is allowed. Resolving a resolved task changes
// nothing and asks no catalog for more than what ships.
absl::StatusOr<v1::Task> ResolveTask(const v1::Task& task,
                                     const TaskCatalog& catalog = ShippedDatasets());

// `base` with the fields that are set in `changes` replaced: a model replaces the whole model, a
// `dataset` of another name what `base` knows of its own.
v1::Task OverrideTask(const v1::Task& base, const v1::Task& changes);

// The model's parameters in order. Of an mlp and of a conv_net: weight [out, in], of a convolution
// [out, in * 9], then bias [out], layer by layer. Of a transformer: embeddings of tokens and of
// positions [.., width]; of each block gain, queries with keys with values [3 * width, width],
// output of the attention, gain, weights up and down; gain; weight to the vocabulary. Of a
// registered model: as its description has them. `task` is resolved here and below.
std::vector<Shape> ParameterShapes(const v1::Task& task);

// Names what an evaluation of one seed index depends on: every field but `seeds`, in the order of
// this function and not of protobuf, and the content of the data.
Hash128 TaskHash(const v1::Task& task);

// base_lr times warm-up and schedule at step t = 1 .. steps.
double LearningRate(const v1::Task& task, int t);

// At how many steps the objective STEPS_TO_TARGET looks at the validation loss.
inline constexpr int kTargetChecks = 20;

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_TASK_H_
