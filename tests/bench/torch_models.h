// The model of the digits task in torch, with its autograd: as many models as are asked for, one at
// a time or stacked along an axis of their own.
#ifndef LATHE_TESTS_BENCH_TORCH_MODELS_H_
#define LATHE_TESTS_BENCH_TORCH_MODELS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lathe::bench {

struct ModelSizes {
  int64_t models, batch, inputs, hidden, classes;
};

// One step of every model moves the parameters by plain SGD or AdamW, in place.
class TorchModels {
 public:
  // `update`: "sgd" or "adamw".
  TorchModels(const ModelSizes& sizes, bool stacked, const std::string& update);

  void Step(const at::Tensor& x, const at::Tensor& y);

 private:
  using Parameters = std::vector<at::Tensor>;

  at::Tensor LossOf(const Parameters& w, const at::Tensor& x, const at::Tensor& y) const;
  void StepOf(size_t group);

  const ModelSizes sizes_;
  const bool stacked_, adamw_;
  int t_ = 0;
  at::Tensor x_, y_;
  std::vector<Parameters> parameters_, m_, v_;  // one group when stacked, else one for each model
};

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_TORCH_MODELS_H_
