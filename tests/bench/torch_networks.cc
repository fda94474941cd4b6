#include "tests/bench/torch_networks.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "tests/bench/torch_update.h"

namespace lathe::bench {
namespace {

class ConvNets : public TorchNetworks {
 public:
  ConvNets(const v1::Task& task, int models, bool stacked, const std::string& update)
      : TorchNetworks(models, stacked, update), batch_(task.batch()) {
    std::vector<std::vector<int64_t>> shapes;
    for (const Convolution& convolution : ConvolutionsOf(task)) {
      pooled_.push_back(convolution.pooled);
      shapes.push_back({convolution.out, convolution.in.channels, 3, 3});
      shapes.push_back({convolution.out});
    }
    const Shape last = ParameterShapes(task)[2 * pooled_.size()];
    classes_ = last.rows;
    shapes.push_back({last.rows, last.cols});
    shapes.push_back({last.rows});
    AddParameters(shapes);
  }

 private:
  // The models' channels lie one after another when stacked: a group of the convolution each.
  at::Tensor Loss(const std::vector<at::Tensor>& w, const at::Tensor& x,
                  const at::Tensor& y) const override {
    at::Tensor h = x;
    for (size_t i = 0; i < pooled_.size(); ++i) {
      const at::Tensor weight = stacked_ ? w[2 * i].flatten(0, 1) : w[2 * i];
      // The first ones see the same image.
      const int64_t groups = stacked_ && i > 0 ? models_ : 1;
      h = at::conv2d(h, weight, w[2 * i + 1].flatten(), 1, 1, 1, groups).relu();
      if (pooled_[i]) h = at::max_pool2d(h, 2);
    }
    const size_t last = 2 * pooled_.size();
    if (!stacked_) return at::cross_entropy_loss(at::linear(h.flatten(1), w[last], w[last + 1]), y);
    h = h.view({batch_, models_, -1}).transpose(0, 1);
    const at::Tensor logits =
        at::baddbmm(w[last + 1].unsqueeze(1), h, w[last].transpose(1, 2)).view({-1, classes_});
    return at::cross_entropy_loss(logits, y.repeat({models_}), {}, at::Reduction::Sum) /
           static_cast<double>(batch_);
  }

  const int64_t batch_;
  int64_t classes_ = 0;
  std::vector<bool> pooled_;
};

// Without an axis for models where there is one model.
class Transformers : public TorchNetworks {
 public:
  Transformers(const v1::Task& task, int models, bool stacked, const std::string& update)
      : TorchNetworks(models, stacked, update),
        model_(task.transformer()),
        batch_(task.batch()),
        later_(at::ones({model_.context(), model_.context()}, at::kBool).triu(1)) {
    std::vector<std::vector<int64_t>> shapes;
    for (const Shape& shape : ParameterShapes(task)) {
      shapes.push_back({shape.rows});
      if (shape.cols > 1) shapes.back().push_back(shape.cols);
    }
    vocabulary_ = shapes.front().front();
    AddParameters(shapes);
  }

 private:
  at::Tensor Linear(const at::Tensor& x, const at::Tensor& w) const {
    return stacked_ ? at::bmm(x, w.transpose(1, 2)) : at::linear(x, w);
  }

  at::Tensor Norm(const at::Tensor& x, const at::Tensor& gain) const {
    const at::Tensor normed = x * at::rsqrt(x.square().mean(-1, true) + 1e-5);
    return normed * (stacked_ ? gain.unsqueeze(1) : gain);
  }

  at::Tensor Attention(const at::Tensor& x, const at::Tensor& projections) const {
    const int64_t context = model_.context(), heads = model_.heads(), size = model_.width() / heads;
    const at::Tensor all =
        Linear(x, projections).view({-1, context, 3, heads, size}).permute({2, 0, 3, 1, 4});
    const at::Tensor scores =
        at::matmul(all[0], all[1].transpose(2, 3)) / std::sqrt(static_cast<double>(size));
    const at::Tensor attended =
        at::matmul(scores.masked_fill(later_, -INFINITY).softmax(-1), all[2]);
    return attended.transpose(1, 2).reshape(x.sizes());
  }

  at::Tensor Embedded(const std::vector<at::Tensor>& w, const at::Tensor& x) const {
    const int64_t width = model_.width();
    if (!stacked_) {
      const at::Tensor tokens = at::embedding(w[0], x) + w[1];
      return tokens.view({-1, width});
    }
    const at::Tensor shift = at::arange(models_).view({models_, 1, 1}) * vocabulary_;
    const at::Tensor tokens = at::embedding(w[0].view({-1, width}), x + shift);
    return (tokens + w[1].unsqueeze(1)).view({models_, -1, width});
  }

  at::Tensor Loss(const std::vector<at::Tensor>& w, const at::Tensor& x,
                  const at::Tensor& y) const override {
    at::Tensor h = Embedded(w, x);
    size_t p = 2;
    for (uint32_t layer = 0; layer < model_.layers(); ++layer, p += 6) {
      h = h + Linear(Attention(Norm(h, w[p]), w[p + 1]), w[p + 2]);
      h = h + Linear(Linear(Norm(h, w[p + 3]), w[p + 4]).relu(), w[p + 5]);
    }
    const at::Tensor logits = Linear(Norm(h, w[p]), w[p + 1]).view({-1, vocabulary_});
    const at::Tensor labels = y.flatten();
    return at::cross_entropy_loss(logits, stacked_ ? labels.repeat({models_}) : labels, {},
                                  at::Reduction::Sum) /
           static_cast<double>(labels.numel());
  }

  const v1::Transformer model_;
  const int64_t batch_;
  const at::Tensor later_;
  int64_t vocabulary_ = 0;
};

}  // namespace

TorchNetworks::TorchNetworks(int models, bool stacked, const std::string& update)
    : models_(models), stacked_(stacked), adamw_(update == "adamw") {}

void TorchNetworks::AddParameters(const std::vector<std::vector<int64_t>>& shapes) {
  for (int group = 0; group < (stacked_ ? 1 : models_); ++group) {
    parameters_.emplace_back();
    for (std::vector<int64_t> shape : shapes) {
      if (stacked_) shape.insert(shape.begin(), models_);
      parameters_.back().push_back(at::rand(shape).sub_(0.5).mul_(0.2).requires_grad_());
    }
    for (auto* states : {&m_, &v_}) {
      states->emplace_back();
      for (const at::Tensor& w : parameters_.back()) states->back().push_back(at::zeros_like(w));
    }
  }
}

void TorchNetworks::Step(const at::Tensor& x, const at::Tensor& y) {
  ++t_;
  for (size_t group = 0; group < parameters_.size(); ++group) {
    std::vector<at::Tensor>& w = parameters_[group];
    const auto gradients = torch::autograd::grad({Loss(w, x, y)}, w);
    const at::NoGradGuard guard;
    for (size_t i = 0; i < w.size(); ++i) {
      UpdateInPlace(adamw_, t_, w[i], gradients[i], m_[group][i], v_[group][i]);
    }
  }
}

std::unique_ptr<TorchNetworks> MakeTorchConvNets(const v1::Task& task, int models, bool stacked,
                                                 const std::string& update) {
  return std::make_unique<ConvNets>(task, models, stacked, update);
}

std::unique_ptr<TorchNetworks> MakeTorchTransformers(const v1::Task& task, int models, bool stacked,
                                                     const std::string& update) {
  return std::make_unique<Transformers>(task, models, stacked, update);
}

}  // namespace lathe::bench
