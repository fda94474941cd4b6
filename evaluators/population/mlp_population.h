// Multi-layer perceptrons of one shape with parameters of their own, trained side by side on the
// same batches: ReLU between the layers, softmax cross-entropy at the end, floats.
//
// A model's numbers do not depend on how many others there are, nor on the machine: every sum is
// one chain of fused multiply-adds in an order of its own, whatever the width of the registers.
//
//   MlpPopulation models(ParameterShapes(task), batch, 8, kernels);
//   models.Load(m, problem.initial_parameters);           // for each m
//   models.TakeBatch(problem.train, order.Next());        // once for all of them
//   double loss = models.ForwardBackward(m);
//   // ... move models.Parameters(m) against models.Gradient(), which is the last model's
//
// Not thread-safe; different objects are independent.
#ifndef LATHE_EVALUATORS_POPULATION_MLP_POPULATION_H_
#define LATHE_EVALUATORS_POPULATION_MLP_POPULATION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dsl/executor.h"
#include "evaluators/evaluator.h"
#include "evaluators/population/kernels.h"
#include "evaluators/splits.h"

namespace lathe {

// Examples as the models take them: in blocks of lanes, features first.
class ExampleBlocks {
 public:
  static constexpr size_t kBlock = 32;  // examples, a multiple of kLanes

  ExampleBlocks(const Examples& examples, const PopulationKernels& kernels);

  size_t Count() const { return count_; }
  size_t Blocks() const { return labels_.size() / kBlock; }
  const float* Values(size_t block) const { return &values_[block * block_size_]; }
  const int32_t* Labels(size_t block) const { return &labels_[block * kBlock]; }

 private:
  size_t count_;
  size_t block_size_;          // floats
  std::vector<float> values_;  // [blocks][features][kBlock]
  std::vector<int32_t> labels_;
};

class MlpPopulation {
 public:
  // `shapes`: weight [out, in] and bias [out], layer by layer. All parameters start at 0.
  MlpPopulation(std::span<const Shape> shapes, int batch, int models,
                const PopulationKernels& kernels);

  // Of one model, all one after another in the order of `shapes`, row-major. They stay where they
  // are in memory, at `Offsets()` from the first.
  std::span<float> Parameters(int model);
  // Of the model for which ForwardBackward was called last.
  std::span<float> Gradient() { return gradient_; }
  std::span<const size_t> Offsets() const { return offsets_; }

  void Load(int model, std::span<const float> values);

  // What all models see in the next calls of ForwardBackward: `batch` rows.
  void TakeBatch(const Examples& examples, std::span<const int> rows);

  // The mean loss of a model over the batch, and its gradient.
  double ForwardBackward(int model);

  // The mean loss and the error over all examples; there must be some. Leaves the gradient alone.
  SplitScore Score(int model, const ExampleBlocks& examples);

 private:
  struct Layer {
    size_t inputs, outputs;
    size_t weight, bias;  // where they begin among the parameters
  };

  // out [outputs][lanes] = weight * in [inputs][lanes] + bias.
  void Forward(const Layer& layer, const float* parameters, const float* in, size_t lanes,
               float* out) const;
  void Backward(size_t layer, const float* parameters);

  const PopulationKernels& kernels_;
  std::vector<Layer> layers_;
  std::vector<size_t> offsets_;
  size_t size_ = 0;  // of a model's parameters
  std::vector<float> parameters_, gradient_;

  // The batch, both ways round.
  size_t batch_, lanes_;
  size_t features_;              // a multiple of 8
  std::vector<float> rows_;      // [lanes][features]
  std::vector<float> columns_;   // [features][lanes]
  std::vector<int32_t> labels_;  // by lane
  std::vector<float> weights_;   // by lane: 1 / batch, or 0 without an example
  std::vector<float> losses_;    // by lane
  std::vector<int32_t> best_;    // by lane
  // By layer: activations [outputs][lanes], which become the gradient by them at the last layer,
  // and [lanes][outputs] for the weights above; gradients by what comes out of a layer.
  std::vector<std::vector<float>> activations_, turned_, deltas_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_POPULATION_MLP_POPULATION_H_
