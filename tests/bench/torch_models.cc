#include "tests/bench/torch_models.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "tests/bench/torch_update.h"

namespace lathe::bench {

TorchModels::TorchModels(const ModelSizes& sizes, bool stacked, const std::string& update)
    : sizes_(sizes), stacked_(stacked), adamw_(update == "adamw") {
  const int64_t groups = stacked ? 1 : sizes.models;
  const auto shaped = [&](std::vector<int64_t> shape) {
    if (stacked) shape.insert(shape.begin(), sizes.models);
    return at::rand(shape, at::kFloat).sub_(0.5).mul_(0.2).requires_grad_();
  };
  for (int64_t i = 0; i < groups; ++i) {
    parameters_.push_back({shaped({sizes.inputs, sizes.hidden}), shaped({1, sizes.hidden}),
                           shaped({sizes.hidden, sizes.classes}), shaped({1, sizes.classes})});
    m_.emplace_back();
    for (const at::Tensor& w : parameters_.back()) m_.back().push_back(at::zeros_like(w));
    v_.emplace_back();
    for (const at::Tensor& w : parameters_.back()) v_.back().push_back(at::zeros_like(w));
  }
}

at::Tensor TorchModels::LossOf(const Parameters& w, const at::Tensor& x,
                               const at::Tensor& y) const {
  if (!stacked_) {
    const at::Tensor hidden = at::addmm(w[1], x, w[0]).relu();
    return at::cross_entropy_loss(at::addmm(w[3], hidden, w[2]), y);
  }
  const at::Tensor hidden = at::baddbmm(w[1], x, w[0]).relu();
  const at::Tensor logits = at::baddbmm(w[3], hidden, w[2]);
  return at::cross_entropy_loss(logits.view({-1, sizes_.classes}), y, {}, at::Reduction::Sum) /
         static_cast<double>(sizes_.batch);
}

void TorchModels::StepOf(size_t group) {
  Parameters& w = parameters_[group];
  const auto gradients = torch::autograd::grad({LossOf(w, x_, y_)}, w);
  const at::NoGradGuard guard;
  for (size_t i = 0; i < w.size(); ++i) {
    UpdateInPlace(adamw_, t_, w[i], gradients[i], m_[group][i], v_[group][i]);
  }
}

void TorchModels::Step(const at::Tensor& x, const at::Tensor& y) {
  ++t_;
  x_ = stacked_ ? x.expand({sizes_.models, sizes_.batch, sizes_.inputs}) : x;
  y_ = stacked_ ? y.repeat({sizes_.models}) : y;
  for (size_t group = 0; group < parameters_.size(); ++group) StepOf(group);
}

}  // namespace lathe::bench
