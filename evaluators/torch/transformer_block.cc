#include "evaluators/torch/transformer_block.h"

#include <algorithm>

namespace lathe {
namespace {

size_t Size(const TransformerSizes& sizes, int64_t widths) {
  return static_cast<size_t>(sizes.Tokens() * sizes.width * widths);
}

void Add(const std::vector<float>& values, float* sums) {
  for (size_t i = 0; i < values.size(); ++i) sums[i] += values[i];
}

}  // namespace

Linear TransformerBlock::MakeLinear(Floats& x, float* weight, Floats& y, Floats& x_gradient,
                                    float* weight_gradient, Floats& y_gradient) const {
  const int64_t rows = sizes_.Tokens();
  const int64_t inputs = static_cast<int64_t>(x.size()) / rows;
  const int64_t outputs = static_cast<int64_t>(y.size()) / rows;
  return Linear({.x = {x.data(), rows, inputs},
                 .weight = {weight, outputs, inputs},
                 .y = {y.data(), rows, outputs},
                 .x_gradient = {x_gradient.data(), rows, inputs},
                 .weight_gradient = {weight_gradient, outputs, inputs},
                 .y_gradient = {y_gradient.data(), rows, outputs}});
}

TransformerBlock::TransformerBlock(const TransformerSizes& sizes, const BlockParameters& parameters,
                                   const BlockParameters& gradients)
    : sizes_(sizes),
      parameters_(parameters),
      gradients_(gradients),
      attention_in_(Size(sizes, 1)),
      projections_(Size(sizes, 3)),
      attended_(Size(sizes, 1)),
      out_(Size(sizes, 1)),
      in_(Size(sizes, 1)),
      up_(Size(sizes, 4)),
      in_gradient_(Size(sizes, 1)),
      projections_gradient_(Size(sizes, 3)),
      attended_gradient_(Size(sizes, 1)),
      out_gradient_(Size(sizes, 1)),
      up_gradient_(Size(sizes, 4)),
      attention_norm_(static_cast<size_t>(sizes.Tokens()), static_cast<size_t>(sizes.width)),
      norm_(static_cast<size_t>(sizes.Tokens()), static_cast<size_t>(sizes.width)),
      attention_(sizes.batch, sizes.context, sizes.width, sizes.heads),
      project_(MakeLinear(attention_in_, parameters.projections, projections_, in_gradient_,
                          gradients.projections, projections_gradient_)),
      attention_out_(MakeLinear(attended_, parameters.attention_out, out_, attended_gradient_,
                                gradients.attention_out, out_gradient_)),
      go_up_(MakeLinear(in_, parameters.up, up_, in_gradient_, gradients.up, up_gradient_)),
      go_down_(
          MakeLinear(up_, parameters.down, out_, up_gradient_, gradients.down, out_gradient_)) {}

void TransformerBlock::Forward(float* x) {
  attention_norm_.Forward(x, parameters_.attention_gain, attention_in_.data());
  project_.Forward();
  attention_.Forward(projections_.data(), attended_.data());
  attention_out_.Forward();
  Add(out_, x);
  norm_.Forward(x, parameters_.gain, in_.data());
  go_up_.Forward();
  for (float& value : up_) value = value <= 0 ? 0 : value;
  go_down_.Forward();
  Add(out_, x);
}

void TransformerBlock::Backward(float* gradient) {
  std::copy_n(gradient, out_gradient_.size(), out_gradient_.begin());
  go_down_.Backward();
  for (size_t i = 0; i < up_.size(); ++i) up_gradient_[i] = up_[i] <= 0 ? 0 : up_gradient_[i];
  go_up_.Backward();
  norm_.Backward(in_gradient_.data(), parameters_.gain, gradient, gradients_.gain);
  std::copy_n(gradient, out_gradient_.size(), out_gradient_.begin());
  attention_out_.Backward();
  attention_.Backward(attended_gradient_.data(), projections_.data(), projections_gradient_.data());
  project_.Backward();
  attention_norm_.Backward(in_gradient_.data(), parameters_.attention_gain, gradient,
                           gradients_.attention_gain);
}

}  // namespace lathe
