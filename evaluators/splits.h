// Everything about an evaluation that is drawn: which examples train, validate and test, the scales
// of the features, wrong classes, the initial weights, the order of the batches. All of it follows
// from the task's seed, the seed index and exactly rounded arithmetic, so it is the same on every
// machine and for every candidate. Tasks are resolved.
//
//   Problem problem = DrawProblem(dataset, task, seed_index);
//   BatchOrder order(task, seed_index);
//   std::span<const int> rows = order.Next();  // of problem.train
#ifndef LATHE_EVALUATORS_SPLITS_H_
#define LATHE_EVALUATORS_SPLITS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dsl/executor.h"
#include "evaluators/datasets/dataset.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

// Examples ready for a model: `features` floats and a class each; of text, `context` + 1 tokens
// each, of which all but the first are to be predicted.
struct Examples {
  int features = 0;
  std::vector<float> values;  // row-major
  std::vector<uint8_t> classes;
  int context = 0;
  std::vector<uint8_t> tokens = {};  // row-major

  int Count() const {
    return static_cast<int>(context == 0 ? classes.size() : tokens.size() / (size_t(context) + 1));
  }
  friend bool operator==(const Examples&, const Examples&) = default;
};

// Indices into a dataset; no index is in two splits.
struct Splits {
  std::vector<int> train, validation, test;
};
Splits DrawSplits(const v1::Task& task, int seed_index, int dataset_examples);

// 10^u for each feature, u uniform in [-x, x], x = task.feature_scale_exponent. The same for every
// seed index.
std::vector<double> DrawFeatureScales(const v1::Task& task, int features);

// The parameters one after another in the order of ParameterShapes, as ModelParameters says:
// uniform within 1/sqrt(fan in) of 0, which is what torch's layers start from, and 1 for gains.
std::vector<float> DrawInitialParameters(const v1::Task& task, int seed_index);

// The same for a registered model, from what its file has: `saved`, or each parameter's values of
// it in an order that is drawn.
std::vector<float> DrawRegisteredParameters(const v1::Task& task, int seed_index,
                                            std::span<const float> saved);

// Where the random numbers start that a registered model draws in a step, from 1 on, or in a batch
// of a measurement, from 0 on.
enum class ModuleUse : uint64_t { kTraining = 0, kScoring = 1 };
uint64_t DrawModuleSeed(const v1::Task& task, int seed_index, ModuleUse use, uint64_t number);

// What training with one seed index starts from. Immutable once drawn.
struct Problem {
  Examples train, validation, test;
  std::vector<float> initial_parameters;

  size_t Bytes() const;
};
Problem DrawProblem(const Dataset& dataset, const v1::Task& task, int seed_index);

// The rows of each training step. Within an epoch no row comes twice; every epoch has an order of
// its own and leaves out the rows that do not fill a batch.
class BatchOrder {
 public:
  BatchOrder(const v1::Task& task, int seed_index);
  // The rows of the next step; valid until the next call.
  std::span<const int> Next();

 private:
  uint64_t seed_, seed_index_;
  int examples_;
  size_t batch_;
  uint64_t epoch_ = 0;
  size_t used_ = 0;
  std::vector<int> order_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_SPLITS_H_
