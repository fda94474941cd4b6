// Models of one shape with parameters of their own, which are trained in step on the same batches.
//
//   models.Load(m, problem.initial_parameters);     // for each m
//   models.TakeBatch(order.Next());                 // once for all of them
//   double loss = models.ForwardBackward(m);
//   // ... move models.Parameters(m) against models.Gradient(), which is the last model's
//
// Not thread-safe.
#ifndef LATHE_EVALUATORS_MODEL_POPULATION_H_
#define LATHE_EVALUATORS_MODEL_POPULATION_H_

#include <cstddef>
#include <span>

#include "evaluators/evaluator.h"

namespace lathe {

enum class Split : uint8_t { kValidation, kTest };

class ModelPopulation {
 public:
  virtual ~ModelPopulation() = default;

  // Of one model, one after another in the order of ParameterShapes, row-major, at `Offsets()` from
  // the first. They stay where they are in memory.
  virtual std::span<float> Parameters(int model) = 0;
  // Of the model for which ForwardBackward was called last.
  virtual std::span<float> Gradient() = 0;
  virtual std::span<const size_t> Offsets() const = 0;

  virtual void Load(int model, std::span<const float> values) = 0;

  // What all models see in the next calls of ForwardBackward: rows of the training split.
  virtual void TakeBatch(std::span<const int> rows) = 0;
  // The mean loss of a model over the batch, and its gradient.
  virtual double ForwardBackward(int model) = 0;

  // The mean loss and the error over a split. Leaves the gradient alone.
  virtual SplitScore Score(int model, Split split) = 0;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_MODEL_POPULATION_H_
