// A convolutional net and a transformer in plain torch, with its autograd: as many models as are
// asked for, one at a time or stacked along an axis of their own.
#ifndef LATHE_TESTS_BENCH_TORCH_NETWORKS_H_
#define LATHE_TESTS_BENCH_TORCH_NETWORKS_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "lathe/v1/task.pb.h"

namespace lathe::bench {

class TorchNetworks {
 public:
  virtual ~TorchNetworks() = default;

  // Moves every model by plain SGD or AdamW ("sgd", "adamw"), in place. `x` and `y` are one batch:
  // images [batch][1][8][8] and classes, or tokens [batch][context] and those that follow.
  void Step(const at::Tensor& x, const at::Tensor& y);

 protected:
  TorchNetworks(int models, bool stacked, const std::string& update);

  // Takes parameters of these shapes for every model.
  void AddParameters(const std::vector<std::vector<int64_t>>& shapes);
  // The sum of the models' mean losses; `w` are all of them, stacked, or those of one.
  virtual at::Tensor Loss(const std::vector<at::Tensor>& w, const at::Tensor& x,
                          const at::Tensor& y) const = 0;

  const int models_;
  const bool stacked_;

 private:
  const bool adamw_;
  int t_ = 0;
  std::vector<std::vector<at::Tensor>> parameters_, m_, v_;  // one group when stacked
};

// Of the resolved task's conv_net and transformer.
std::unique_ptr<TorchNetworks> MakeTorchConvNets(const v1::Task& task, int models, bool stacked,
                                                 const std::string& update);
std::unique_ptr<TorchNetworks> MakeTorchTransformers(const v1::Task& task, int models, bool stacked,
                                                     const std::string& update);

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_TORCH_NETWORKS_H_
