#include "evaluators/torch/mlp.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

namespace lathe {
namespace {

// Every tensor here is made and used under this guard: no autograd, no version counters.
using Guard = c10::InferenceMode;

at::Tensor Matrix(int64_t rows, int64_t cols) {
  return at::empty({rows, cols}, at::kFloat);
}

std::span<float> Values(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

struct Layer {
  at::Tensor weight, bias;
  at::Tensor weight_gradient, bias_gradient;
  at::Tensor weight_transposed;  // a view of `weight`
};

// What a forward pass over a number of examples leaves behind.
struct Activations {
  at::Tensor input;
  std::vector<at::Tensor> outputs;  // of each layer, after its ReLU
  at::Tensor log_probabilities;
};

// The gradients that a backward pass over a batch moves through.
struct Deltas {
  std::vector<at::Tensor> outputs;     // of each layer, before its ReLU
  std::vector<at::Tensor> transposed;  // views of `outputs`
};

}  // namespace

class Mlp::Network {
 public:
  Network(std::span<const Shape> shapes, int batch) : batch_(batch) {
    const Guard guard;
    for (size_t i = 0; i + 1 < shapes.size(); i += 2) AddLayer(shapes[i].rows, shapes[i].cols);
    at_batch_ = MakeActivations(Matrix(batch, shapes[0].cols));
    for (const at::Tensor& output : at_batch_.outputs) {
      deltas_.outputs.push_back(Matrix(batch, output.size(1)));
      deltas_.transposed.push_back(deltas_.outputs.back().t());
    }
    classes_.resize(static_cast<size_t>(batch));
  }

  const at::Tensor& Parameter(int i) const { return parameters_[static_cast<size_t>(i)]; }
  const at::Tensor& Gradient(int i) const { return gradients_[static_cast<size_t>(i)]; }
  int ParameterCount() const { return static_cast<int>(parameters_.size()); }

  double ForwardBackward(const Examples& examples, std::span<const int> rows) {
    const Guard guard;
    Gather(examples, rows);
    Forward(at_batch_);
    SeedDelta();
    for (size_t layer = layers_.size(); layer-- > 0;) Backward(layer);
    return MeanLoss(at_batch_, classes_);
  }

  SplitScore Score(const Examples& examples) const {
    const Guard guard;
    // The tensor only reads, though its type cannot say so.
    float* values = const_cast<float*>(examples.values.data());
    Activations all =
        MakeActivations(at::from_blob(values, {examples.Count(), examples.features}, at::kFloat));
    Forward(all);
    return {.loss = MeanLoss(all, examples.classes), .error = Error(all, examples.classes)};
  }

 private:
  void AddLayer(int64_t outputs, int64_t inputs) {
    Layer layer;
    layer.weight = at::zeros({outputs, inputs}, at::kFloat);
    layer.bias = at::zeros({outputs}, at::kFloat);
    layer.weight_gradient = at::zeros({outputs, inputs}, at::kFloat);
    layer.bias_gradient = at::zeros({outputs}, at::kFloat);
    layer.weight_transposed = layer.weight.t();
    parameters_.insert(parameters_.end(), {layer.weight, layer.bias});
    gradients_.insert(gradients_.end(), {layer.weight_gradient, layer.bias_gradient});
    layers_.push_back(std::move(layer));
  }

  Activations MakeActivations(at::Tensor input) const {
    Activations activations{.input = std::move(input), .outputs = {}, .log_probabilities = {}};
    const int64_t examples = activations.input.size(0);
    for (const Layer& layer : layers_) {
      activations.outputs.push_back(Matrix(examples, layer.bias.size(0)));
    }
    activations.log_probabilities = Matrix(examples, layers_.back().bias.size(0));
    return activations;
  }

  void Gather(const Examples& examples, std::span<const int> rows) {
    float* input = at_batch_.input.data_ptr<float>();
    const auto width = static_cast<size_t>(examples.features);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<size_t>(rows[i]);
      std::copy_n(&examples.values[row * width], width, input + i * width);
      classes_[i] = examples.classes[row];
    }
  }

  void Forward(Activations& a) const {
    const at::Tensor* input = &a.input;
    for (size_t i = 0; i < layers_.size(); ++i) {
      at::addmm_out(a.outputs[i], layers_[i].bias, *input, layers_[i].weight_transposed);
      if (i + 1 < layers_.size()) at::relu_(a.outputs[i]);
      input = &a.outputs[i];
    }
    at::_log_softmax_out(a.log_probabilities, *input, /*dim=*/1, /*half_to_float=*/false);
  }

  // The gradient of the mean cross-entropy: (probabilities - one-hot class) / batch.
  void SeedDelta() {
    at::Tensor& delta = deltas_.outputs.back();
    at::exp_out(delta, at_batch_.log_probabilities);
    const std::span<float> values = Values(delta);
    const size_t width = values.size() / classes_.size();
    for (size_t i = 0; i < classes_.size(); ++i) values[i * width + classes_[i]] -= 1;
    const float scale = 1 / static_cast<float>(batch_);
    for (float& value : values) value *= scale;
  }

  void Backward(size_t i) {
    const at::Tensor& input = i == 0 ? at_batch_.input : at_batch_.outputs[i - 1];
    at::mm_out(layers_[i].weight_gradient, deltas_.transposed[i], input);
    at::sum_out(layers_[i].bias_gradient, deltas_.outputs[i], /*dim=*/0);
    if (i == 0) return;
    at::Tensor& below = deltas_.outputs[i - 1];
    at::mm_out(below, deltas_.outputs[i], layers_[i].weight);
    at::threshold_backward_out(below, below, input, /*threshold=*/0);
  }

  static double MeanLoss(const Activations& a, std::span<const uint8_t> classes) {
    const std::span<const float> values = Values(a.log_probabilities);
    const size_t width = values.size() / classes.size();
    double sum = 0;
    for (size_t i = 0; i < classes.size(); ++i) sum -= values[i * width + classes[i]];
    return sum / static_cast<double>(classes.size());
  }

  static double Error(const Activations& a, std::span<const uint8_t> classes) {
    const std::span<const float> values = Values(a.log_probabilities);
    const size_t width = values.size() / classes.size();
    int wrong = 0;
    for (size_t i = 0; i < classes.size(); ++i) {
      const float* row = &values[i * width];
      wrong += std::max_element(row, row + width) - row != classes[i];
    }
    return wrong / static_cast<double>(classes.size());
  }

  const int batch_;
  std::vector<Layer> layers_;
  std::vector<at::Tensor> parameters_, gradients_;  // the tensors of `layers_` in order
  Activations at_batch_;
  Deltas deltas_;
  std::vector<uint8_t> classes_;  // of the batch
};

Mlp::Mlp(std::span<const Shape> shapes, int batch)
    : network_(std::make_unique<Network>(shapes, batch)) {}
Mlp::~Mlp() = default;

int Mlp::ParameterCount() const {
  return network_->ParameterCount();
}
std::span<float> Mlp::Parameter(int i) {
  return Values(network_->Parameter(i));
}
std::span<float> Mlp::Gradient(int i) {
  return Values(network_->Gradient(i));
}

void Mlp::Load(std::span<const float> values) {
  for (int i = 0; i < ParameterCount(); ++i) {
    const std::span<float> parameter = Parameter(i);
    std::copy_n(values.begin(), parameter.size(), parameter.begin());
    values = values.subspan(parameter.size());
  }
}

double Mlp::ForwardBackward(const Examples& examples, std::span<const int> rows) {
  return network_->ForwardBackward(examples, rows);
}

SplitScore Mlp::Score(const Examples& examples) const {
  return network_->Score(examples);
}

}  // namespace lathe
