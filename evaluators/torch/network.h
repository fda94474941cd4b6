// A network of which each example is trained by itself: one model's parameters, gradient and
// activations, in memory that is taken once. Products of matrices are torch's, narrow ones the vm's
// (see matrix.h); backward is written out, because torch's autograd costs more than the arithmetic
// of a small model.
//
//   std::unique_ptr<Network> network = MakeConvNet(task);
//   std::ranges::copy(problem.initial_parameters, network->Parameters().begin());
//   network->TakeBatch(problem.train, order.Next());
//   double loss = network->ForwardBackward();
//   // ... move network->Parameters() against network->Gradient()
//
// Not thread-safe; different objects are independent as far as the BLAS allows (blas.h). Throws
// what torch throws (c10::Error, e.g. out of memory).
#ifndef LATHE_EVALUATORS_TORCH_NETWORK_H_
#define LATHE_EVALUATORS_TORCH_NETWORK_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "dsl/executor.h"
#include "evaluators/evaluator.h"
#include "evaluators/splits.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // One after another in the order of ParameterShapes, row-major; parameter i at Offsets()[i].
  std::span<float> Parameters() { return parameters_; }
  std::span<float> Gradient() { return gradient_; }
  std::span<const size_t> Offsets() const { return offsets_; }

  // Which model of a population the next calls are for. A network that keeps more of a model than
  // its parameters begins that anew with the first call for it.
  virtual void Select(int model) { static_cast<void>(model); }

  // `batch` rows of the examples.
  virtual void TakeBatch(const Examples& examples, std::span<const int> rows) = 0;
  // The mean loss over the batch, and its gradient. May be called again, with other parameters.
  virtual double ForwardBackward() = 0;
  // The mean loss and the error over all examples; there must be some. Leaves gradient and batch
  // alone.
  virtual SplitScore Score(const Examples& examples) = 0;

 protected:
  explicit Network(std::span<const Shape> shapes);

  float* Parameter(size_t i) { return parameters_.data() + offsets_[i]; }
  float* Gradient(size_t i) { return gradient_.data() + offsets_[i]; }

 private:
  std::vector<size_t> offsets_;
  std::vector<float> parameters_, gradient_;
};

// Calls visit(rows) with all rows of `examples`, at most `most` at a time.
void ForEachBatch(const Examples& examples, size_t most,
                  const std::function<void(std::span<const int> rows)>& visit);

// Of the resolved task's conv_net and transformer.
std::unique_ptr<Network> MakeConvNet(const v1::Task& task);
std::unique_ptr<Network> MakeTransformer(const v1::Task& task);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_NETWORK_H_
