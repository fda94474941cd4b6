#include "evaluators/population/mlp_population.h"

#include <algorithm>

namespace lathe {
namespace {

size_t RoundUp(size_t number, size_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

}  // namespace

ExampleBlocks::ExampleBlocks(const Examples& examples, const PopulationKernels& kernels)
    : count_(static_cast<size_t>(examples.Count())) {
  const auto features = static_cast<size_t>(examples.features);
  const size_t padded = RoundUp(features, 8), blocks = RoundUp(count_, kBlock) / kBlock;
  block_size_ = padded * kBlock;
  values_.resize(blocks * block_size_);
  labels_.resize(blocks * kBlock, -1);
  std::vector<float> rows(kBlock * padded);
  for (size_t begin = 0; begin < count_; begin += kBlock) {
    std::ranges::fill(rows, 0.0f);
    for (size_t i = 0; i < std::min(kBlock, count_ - begin); ++i) {
      std::copy_n(&examples.values[(begin + i) * features], features, &rows[i * padded]);
      labels_[begin + i] = examples.classes[begin + i];
    }
    kernels.transpose(kBlock, padded, rows.data(), padded, &values_[begin * padded], kBlock);
  }
}

MlpPopulation::MlpPopulation(std::span<const Shape> shapes, int batch, int models,
                             const PopulationKernels& kernels)
    : kernels_(kernels),
      batch_(static_cast<size_t>(batch)),
      lanes_(RoundUp(batch_, kLanes)),
      features_(RoundUp(static_cast<size_t>(shapes[0].cols), 8)) {
  const size_t widest_block = std::max(lanes_, ExampleBlocks::kBlock);
  for (size_t i = 0; i + 1 < shapes.size(); i += 2) {
    const auto outputs = static_cast<size_t>(shapes[i].rows);
    const auto inputs = static_cast<size_t>(shapes[i].cols);
    layers_.push_back({inputs, outputs, size_, size_ + inputs * outputs});
    offsets_.insert(offsets_.end(), {layers_.back().weight, layers_.back().bias});
    size_ += (inputs + 1) * outputs;
    const size_t padded = RoundUp(outputs, 8);
    activations_.emplace_back(padded * widest_block);
    const bool last = i + 2 >= shapes.size();
    turned_.emplace_back(last ? 0 : padded * lanes_);
    deltas_.emplace_back(last ? 0 : padded * lanes_);
  }
  parameters_.resize(size_ * static_cast<size_t>(models));
  gradient_.resize(size_);
  rows_.resize(lanes_ * features_);
  columns_.resize(features_ * lanes_);
  labels_.resize(lanes_, -1);
  weights_.resize(lanes_);
  std::fill_n(weights_.begin(), batch_, 1 / static_cast<float>(batch));
  losses_.resize(widest_block);
  best_.resize(widest_block);
}

std::span<float> MlpPopulation::Parameters(int model) {
  return std::span(parameters_).subspan(static_cast<size_t>(model) * size_, size_);
}

void MlpPopulation::Load(int model, std::span<const float> values) {
  std::ranges::copy(values, Parameters(model).begin());
}

void MlpPopulation::TakeBatch(const Examples& examples, std::span<const int> rows) {
  const auto features = static_cast<size_t>(examples.features);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<size_t>(rows[i]);
    std::copy_n(&examples.values[row * features], features, &rows_[i * features_]);
    labels_[i] = examples.classes[row];
  }
  kernels_.transpose(lanes_, features_, rows_.data(), features_, columns_.data(), lanes_);
}

void MlpPopulation::Forward(const Layer& layer, const float* parameters, const float* in,
                            size_t lanes, float* out) const {
  kernels_.matrices->multiply(layer.outputs, lanes, layer.inputs, parameters + layer.weight,
                              layer.inputs, 1, in, lanes, parameters + layer.bias, 1, out, lanes);
}

double MlpPopulation::ForwardBackward(int model) {
  const float* parameters = Parameters(model).data();
  const float* in = columns_.data();
  for (size_t i = 0; i < layers_.size(); ++i) {
    float* out = activations_[i].data();
    Forward(layers_[i], parameters, in, lanes_, out);
    if (i + 1 < layers_.size()) {
      kernels_.rectify(layers_[i].outputs * lanes_, out);
      kernels_.transpose(RoundUp(layers_[i].outputs, 8), lanes_, out, lanes_, turned_[i].data(),
                         RoundUp(layers_[i].outputs, 8));
    }
    in = out;
  }
  kernels_.cross_entropy(layers_.back().outputs, lanes_, labels_.data(), weights_.data(),
                         activations_.back().data(), losses_.data());
  for (size_t i = layers_.size(); i-- > 0;) Backward(i, parameters);
  double sum = 0;
  for (size_t i = 0; i < batch_; ++i) sum += losses_[i];
  return sum / static_cast<double>(batch_);
}

void MlpPopulation::Backward(size_t i, const float* parameters) {
  const Layer& layer = layers_[i];
  const bool last = i + 1 == layers_.size(), first = i == 0;
  const float* delta = last ? activations_[i].data() : deltas_[i].data();
  const float* in = first ? rows_.data() : turned_[i - 1].data();
  float* weight_gradient = gradient_.data() + layer.weight;
  kernels_.matrices->multiply(layer.outputs, layer.inputs, batch_, delta, lanes_, 1, in,
                              first ? features_ : RoundUp(layer.inputs, 8), nullptr, 0,
                              weight_gradient, layer.inputs);
  kernels_.row_sums(layer.outputs, lanes_, delta, gradient_.data() + layer.bias);
  if (first) return;
  float* below = deltas_[i - 1].data();
  kernels_.matrices->multiply(layer.inputs, lanes_, layer.outputs, parameters + layer.weight, 1,
                              layer.inputs, delta, lanes_, nullptr, 0, below, lanes_);
  kernels_.rectify_backward(layer.inputs * lanes_, activations_[i - 1].data(), below);
}

SplitScore MlpPopulation::Score(int model, const ExampleBlocks& examples) {
  constexpr size_t kBlock = ExampleBlocks::kBlock;
  const float* parameters = Parameters(model).data();
  double loss = 0;
  int64_t wrong = 0;
  for (size_t block = 0; block < examples.Blocks(); ++block) {
    const float* in = examples.Values(block);
    for (size_t i = 0; i < layers_.size(); ++i) {
      float* out = activations_[i].data();
      Forward(layers_[i], parameters, in, kBlock, out);
      if (i + 1 < layers_.size()) kernels_.rectify(layers_[i].outputs * kBlock, out);
      in = out;
    }
    const int32_t* labels = examples.Labels(block);
    kernels_.score(layers_.back().outputs, kBlock, labels, in, losses_.data(), best_.data());
    for (size_t i = 0; i < std::min(kBlock, examples.Count() - block * kBlock); ++i) {
      loss += losses_[i];
      wrong += best_[i] != labels[i];
    }
  }
  const auto count = static_cast<double>(examples.Count());
  return {.loss = loss / count, .error = static_cast<double>(wrong) / count};
}

}  // namespace lathe
