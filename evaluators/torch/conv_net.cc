// The convolutional net of proto/lathe/v1/task.proto.
#include <algorithm>
#include <deque>

#include "evaluators/task/task.h"
#include "evaluators/torch/convolution_layer.h"
#include "evaluators/torch/cross_entropy.h"
#include "evaluators/torch/linear.h"
#include "evaluators/torch/network.h"

namespace lathe {
namespace {

// The linear layer at the end: logits = flat * weight^T + bias.
struct LastLayer {
  float *weight, *bias, *weight_gradient, *bias_gradient;
  int64_t classes, inputs;
};

// What a batch of images leaves on its way through the net, and the way back.
class Pass {
 public:
  Pass(const std::vector<Convolution>& convolutions, int64_t batch, std::deque<Filters>& filters,
       const LastLayer& last)
      : image_(convolutions.front().in),
        end_(convolutions.back().After()),
        batch_(batch),
        last_(last),
        images_(static_cast<size_t>(batch * image_.channels * image_.height * image_.width)),
        flat_(static_cast<size_t>(batch * last.inputs)),
        flat_gradient_(flat_.size()),
        logits_(static_cast<size_t>(batch * last.classes)),
        linear_({.x = Flat(flat_),
                 .weight = Weight(last.weight),
                 .y = Logits(),
                 .x_gradient = Flat(flat_gradient_),
                 .weight_gradient = Weight(last.weight_gradient),
                 .y_gradient = Logits()}),
        loss_(Logits()) {
    for (size_t i = 0; i < convolutions.size(); ++i) {
      layers_.emplace_back(convolutions[i], batch, filters[i]);
    }
  }

  // Rows of the examples, at most a batch of them; further ones keep what they were.
  void Take(const Examples& examples, std::span<const int> rows) {
    labels_.resize(rows.size());
    float* pixel = images_.data();
    const int64_t pixels = image_.height * image_.width;
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<size_t>(rows[i]);
      labels_[i] = examples.classes[row];
      const float* planes = &examples.values[row * static_cast<size_t>(examples.features)];
      for (int64_t p = 0; p < pixels; ++p) {
        for (int64_t c = 0; c < image_.channels; ++c) *pixel++ = planes[c * pixels + p];
      }
    }
    layers_.front().TakeInput(images_.data());
  }

  // The sum of the losses. `biases` of each convolution.
  double Forward(std::span<float* const> biases) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (i > 0) layers_[i].TakeInput(layers_[i - 1].Output().data());
      layers_[i].Forward(biases[i]);
    }
    Flatten();
    linear_.Forward();
    for (int64_t row = 0; row < batch_; ++row) {
      for (int64_t i = 0; i < last_.classes; ++i) logits_[Index(row, i)] += last_.bias[i];
    }
    return loss_.Loss(labels_);
  }

  int64_t Wrong() const { return loss_.Wrong(labels_); }

  void Backward(std::span<float* const> bias_gradients) {
    loss_.Gradient(labels_);
    linear_.Backward();
    std::fill_n(last_.bias_gradient, last_.classes, 0.0f);
    for (int64_t row = 0; row < batch_; ++row) {
      for (int64_t i = 0; i < last_.classes; ++i) last_.bias_gradient[i] += logits_[Index(row, i)];
    }
    Unflatten();
    for (size_t i = layers_.size(); i-- > 0;) {
      layers_[i].Backward(bias_gradients[i]);
      if (i > 0) layers_[i].InputGradient(layers_[i - 1].Delta().data());
    }
  }

 private:
  size_t Index(int64_t row, int64_t i) const {
    return static_cast<size_t>(row * last_.classes + i);
  }
  Matrix Weight(float* data) const { return {data, last_.classes, last_.inputs}; }
  Matrix Flat(std::vector<float>& values) const { return {values.data(), batch_, last_.inputs}; }
  Matrix Logits() { return {logits_.data(), batch_, last_.classes}; }

  // Between pixels with their channels together and channels first.
  void Flatten() {
    const std::span<const float> pixels = layers_.back().Output();
    VisitFlat([&](size_t pixel, size_t flat) { flat_[flat] = pixels[pixel]; });
  }
  void Unflatten() {
    const std::span<float> pixels = layers_.back().Delta();
    VisitFlat([&](size_t pixel, size_t flat) { pixels[pixel] = flat_gradient_[flat]; });
  }
  template <typename Visit>
  void VisitFlat(Visit visit) const {
    const auto pixels = static_cast<size_t>(end_.height * end_.width);
    const auto channels = static_cast<size_t>(end_.channels);
    for (size_t image = 0; image < static_cast<size_t>(batch_); ++image) {
      const size_t begin = image * pixels * channels;
      for (size_t p = 0; p < pixels; ++p) {
        for (size_t c = 0; c < channels; ++c)
          visit(begin + p * channels + c, begin + c * pixels + p);
      }
    }
  }

  const ImageShape image_, end_;
  const int64_t batch_;
  const LastLayer last_;
  std::vector<float> images_;  // [batch][height][width][channels]
  std::vector<float> flat_, flat_gradient_;
  std::vector<float> logits_;  // become their own gradient
  std::vector<uint8_t> labels_;
  Linear linear_;
  CrossEntropy loss_;
  std::deque<ConvolutionLayer> layers_;
};

class ConvNet : public Network {
 public:
  explicit ConvNet(const v1::Task& task)
      : Network(ParameterShapes(task)),
        convolutions_(ConvolutionsOf(task)),
        batch_(static_cast<size_t>(task.batch())) {
    for (size_t i = 0; i < convolutions_.size(); ++i) {
      filters_.emplace_back(convolutions_[i]);
      biases_.push_back(Parameter(2 * i + 1));
      bias_gradients_.push_back(Gradient(2 * i + 1));
    }
    const size_t weight = 2 * convolutions_.size();
    const Shape shape = ParameterShapes(task)[weight];
    const LastLayer last = {.weight = Parameter(weight),
                            .bias = Parameter(weight + 1),
                            .weight_gradient = Gradient(weight),
                            .bias_gradient = Gradient(weight + 1),
                            .classes = shape.rows,
                            .inputs = shape.cols};
    training_ = std::make_unique<Pass>(convolutions_, batch_, filters_, last);
    scoring_ = std::make_unique<Pass>(convolutions_, batch_, filters_, last);
  }

  void TakeBatch(const Examples& examples, std::span<const int> rows) override {
    training_->Take(examples, rows);
  }

  double ForwardBackward() override {
    PackFilters();
    const double loss = training_->Forward(biases_);
    training_->Backward(bias_gradients_);
    for (size_t i = 0; i < filters_.size(); ++i) {
      filters_[i].UnpackGradient(Gradient(2 * i));
    }
    return loss / static_cast<double>(batch_);
  }

  SplitScore Score(const Examples& examples) override {
    PackFilters();
    double loss = 0;
    int64_t wrong = 0;
    ForEachBatch(examples, batch_, [&](std::span<const int> rows) {
      scoring_->Take(examples, rows);
      loss += scoring_->Forward(biases_);
      wrong += scoring_->Wrong();
    });
    const double count = examples.Count();
    return {.loss = loss / count, .error = static_cast<double>(wrong) / count};
  }

 private:
  void PackFilters() {
    for (size_t i = 0; i < filters_.size(); ++i) filters_[i].Pack(Parameter(2 * i));
  }

  const std::vector<Convolution> convolutions_;
  const size_t batch_;
  std::deque<Filters> filters_;  // they stay where they are
  std::vector<float*> biases_, bias_gradients_;
  std::unique_ptr<Pass> training_, scoring_;
};

}  // namespace

std::unique_ptr<Network> MakeConvNet(const v1::Task& task) {
  return std::make_unique<ConvNet>(task);
}

}  // namespace lathe
