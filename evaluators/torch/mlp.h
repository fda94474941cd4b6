// A multi-layer perceptron with ReLU between its layers and softmax cross-entropy at its end, in
// float, run by torch's kernels. Forward and backward are written out over tensors that are
// allocated once: torch's autograd costs more than the arithmetic of a small model.
//
//   Mlp mlp(ParameterShapes(task), batch);
//   mlp.Load(problem.initial_parameters);
//   double loss = mlp.ForwardBackward(problem.train, order.Next());
//   // ... move mlp.Parameter(i) against mlp.Gradient(i)
//
// Not thread-safe; different objects are independent as far as the BLAS allows (blas.h).
// Throws what torch throws (c10::Error, e.g. out of memory).
#ifndef LATHE_EVALUATORS_TORCH_MLP_H_
#define LATHE_EVALUATORS_TORCH_MLP_H_

#include <memory>
#include <span>

#include "dsl/executor.h"
#include "evaluators/evaluator.h"
#include "evaluators/splits.h"

namespace lathe {

class Mlp {
 public:
  // `shapes`: weight [out, in] and bias [out], layer by layer. All parameters start at 0.
  Mlp(std::span<const Shape> shapes, int batch);
  ~Mlp();
  Mlp(const Mlp&) = delete;
  Mlp& operator=(const Mlp&) = delete;

  // Parameters in the order of `shapes`, row-major. They stay where they are in memory.
  int ParameterCount() const;
  std::span<float> Parameter(int i);
  std::span<float> Gradient(int i);

  // Sets all parameters; `values` holds one after another.
  void Load(std::span<const float> values);

  // The mean loss over the given rows, `batch` of them, and its gradient.
  double ForwardBackward(const Examples& examples, std::span<const int> rows);

  // The mean loss and the error over all examples; there must be some. Leaves the gradient alone.
  SplitScore Score(const Examples& examples) const;

 private:
  class Network;
  std::unique_ptr<Network> network_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_MLP_H_
