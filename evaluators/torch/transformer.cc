// The transformer of proto/lathe/v1/task.proto.
#include <algorithm>
#include <deque>

#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/cross_entropy.h"
#include "evaluators/torch/linear.h"
#include "evaluators/torch/network.h"
#include "evaluators/torch/rms_norm.h"
#include "evaluators/torch/transformer_block.h"

namespace lathe {
namespace {

// All parameters, or all gradients.
struct TransformerParameters {
  float *tokens = nullptr, *positions = nullptr;
  std::vector<BlockParameters> blocks = {};
  float *gain = nullptr, *vocabulary = nullptr;
};

TransformerSizes SizesOf(const v1::Task& task) {
  const v1::Transformer& model = task.transformer();
  return {.batch = task.batch(),
          .context = model.context(),
          .width = model.width(),
          .heads = model.heads()};
}

// What a batch of sequences leaves on its way through the model, and the way back.
class Pass {
 public:
  Pass(const TransformerSizes& sizes, int64_t vocabulary, const TransformerParameters& parameters,
       const TransformerParameters& gradients)
      : tokens_(static_cast<size_t>(sizes.Tokens())),
        width_(static_cast<size_t>(sizes.width)),
        context_(static_cast<size_t>(sizes.context)),
        parameters_(parameters),
        gradients_(gradients),
        inputs_(tokens_),
        x_(tokens_ * width_),
        gradient_(x_.size()),
        normed_(x_.size()),
        normed_gradient_(x_.size()),
        logits_(tokens_ * static_cast<size_t>(vocabulary)),
        norm_(tokens_, width_),
        last_({.x = {normed_.data(), sizes.Tokens(), sizes.width},
               .weight = {parameters.vocabulary, vocabulary, sizes.width},
               .y = {logits_.data(), sizes.Tokens(), vocabulary},
               .x_gradient = {normed_gradient_.data(), sizes.Tokens(), sizes.width},
               .weight_gradient = {gradients.vocabulary, vocabulary, sizes.width},
               .y_gradient = {logits_.data(), sizes.Tokens(), vocabulary}}),
        loss_({logits_.data(), sizes.Tokens(), vocabulary}),
        token_gradient_size_(static_cast<size_t>(vocabulary) * width_) {
    for (size_t i = 0; i < parameters.blocks.size(); ++i) {
      blocks_.emplace_back(sizes, parameters.blocks[i], gradients.blocks[i]);
    }
  }

  // Rows of the examples, at most a batch of them; further ones keep what they were.
  void Take(const Examples& examples, std::span<const int> rows) {
    labels_.resize(rows.size() * context_);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<size_t>(rows[i]);
      const auto first = examples.tokens.begin() + static_cast<int64_t>(row * (context_ + 1));
      const auto at = static_cast<int64_t>(i * context_);
      std::copy_n(first, context_, inputs_.begin() + at);
      std::copy_n(first + 1, context_, labels_.begin() + at);
    }
  }

  // The sum of the losses over all tokens.
  double Forward() {
    for (size_t t = 0; t < tokens_; ++t) {
      const float* token = parameters_.tokens + inputs_[t] * width_;
      const float* position = parameters_.positions + t % context_ * width_;
      for (size_t i = 0; i < width_; ++i) x_[t * width_ + i] = token[i] + position[i];
    }
    for (TransformerBlock& block : blocks_) block.Forward(x_.data());
    norm_.Forward(x_.data(), parameters_.gain, normed_.data());
    last_.Forward();
    return loss_.Loss(labels_);
  }

  int64_t Wrong() const { return loss_.Wrong(labels_); }

  void Backward() {
    loss_.Gradient(labels_);
    last_.Backward();
    std::ranges::fill(gradient_, 0.0f);
    norm_.Backward(normed_gradient_.data(), parameters_.gain, gradient_.data(), gradients_.gain);
    for (size_t i = blocks_.size(); i-- > 0;) blocks_[i].Backward(gradient_.data());
    std::fill_n(gradients_.tokens, token_gradient_size_, 0.0f);
    std::fill_n(gradients_.positions, context_ * width_, 0.0f);
    for (size_t t = 0; t < tokens_; ++t) {
      float* token = gradients_.tokens + inputs_[t] * width_;
      float* position = gradients_.positions + t % context_ * width_;
      const float* own = &gradient_[t * width_];
      for (size_t i = 0; i < width_; ++i) token[i] += own[i];
      for (size_t i = 0; i < width_; ++i) position[i] += own[i];
    }
  }

 private:
  const size_t tokens_, width_, context_;
  const TransformerParameters parameters_, gradients_;
  std::vector<uint8_t> inputs_, labels_;
  // [tokens][width or vocabulary]; the logits become their own gradient.
  std::vector<float> x_, gradient_, normed_, normed_gradient_, logits_;
  RmsNorm norm_;
  Linear last_;
  CrossEntropy loss_;
  const size_t token_gradient_size_;
  std::deque<TransformerBlock> blocks_;
};

class TransformerNetwork : public Network {
 public:
  explicit TransformerNetwork(const v1::Task& task)
      : Network(ParameterShapes(task)), batch_(task.batch()) {
    const TransformerSizes sizes = SizesOf(task);
    const int64_t vocabulary = ParameterShapes(task).front().rows;
    const auto at = [&](auto where) {
      TransformerParameters all = {.tokens = where(0), .positions = where(1), .blocks = {}};
      size_t i = 2;
      for (uint32_t layer = 0; layer < task.transformer().layers(); ++layer, i += 6) {
        all.blocks.push_back(
            {where(i), where(i + 1), where(i + 2), where(i + 3), where(i + 4), where(i + 5)});
      }
      all.gain = where(i);
      all.vocabulary = where(i + 1);
      return all;
    };
    const TransformerParameters parameters = at([this](size_t i) { return Parameter(i); });
    const TransformerParameters gradients = at([this](size_t i) { return Gradient(i); });
    training_ = std::make_unique<Pass>(sizes, vocabulary, parameters, gradients);
    scoring_ = std::make_unique<Pass>(sizes, vocabulary, parameters, gradients);
    tokens_ = static_cast<double>(sizes.Tokens());
    context_ = static_cast<double>(sizes.context);
  }

  void TakeBatch(const Examples& examples, std::span<const int> rows) override {
    training_->Take(examples, rows);
  }

  double ForwardBackward() override {
    const double loss = training_->Forward();
    training_->Backward();
    return loss / tokens_;
  }

  SplitScore Score(const Examples& examples) override {
    double loss = 0;
    int64_t wrong = 0;
    ForEachBatch(examples, batch_, [&](std::span<const int> rows) {
      scoring_->Take(examples, rows);
      loss += scoring_->Forward();
      wrong += scoring_->Wrong();
    });
    const double count = examples.Count() * context_;
    return {.loss = loss / count, .error = static_cast<double>(wrong) / count};
  }

 private:
  const size_t batch_;
  double tokens_ = 0, context_ = 0;
  std::unique_ptr<Pass> training_, scoring_;
};

}  // namespace

std::unique_ptr<Network> MakeTransformer(const v1::Task& task) {
  return std::make_unique<TransformerNetwork>(task);
}

}  // namespace lathe
