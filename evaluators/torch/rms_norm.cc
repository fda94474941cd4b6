#include "evaluators/torch/rms_norm.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

// The sum of f(i) over i < n, with sums of their own that a compiler can keep side by side.
template <typename Function>
float Sum(size_t n, Function f) {
  constexpr size_t kSums = 8;
  float sums[kSums] = {};
  size_t i = 0;
  for (; i + kSums <= n; i += kSums) {
    for (size_t k = 0; k < kSums; ++k) sums[k] += f(i + k);
  }
  float total = 0;
  for (const float sum : sums) total += sum;
  for (; i < n; ++i) total += f(i);
  return total;
}

}  // namespace

RmsNorm::RmsNorm(size_t rows, size_t width)
    : rows_(rows), width_(width), normed_(rows * width), inverse_(rows) {}

void RmsNorm::Forward(const float* x, const float* gain, float* y) {
  for (size_t row = 0; row < rows_; ++row, x += width_, y += width_) {
    const float mean =
        Sum(width_, [&](size_t i) { return x[i] * x[i]; }) / static_cast<float>(width_);
    const float inverse = 1 / std::sqrt(mean + static_cast<float>(kEpsilon));
    float* const normed = &normed_[row * width_];
    for (size_t i = 0; i < width_; ++i) normed[i] = x[i] * inverse;
    for (size_t i = 0; i < width_; ++i) y[i] = normed[i] * gain[i];
    inverse_[row] = inverse;
  }
}

void RmsNorm::Backward(const float* y_gradient, const float* gain, float* x_gradient,
                       float* gain_gradient) const {
  std::fill_n(gain_gradient, width_, 0.0f);
  for (size_t row = 0; row < rows_; ++row, y_gradient += width_, x_gradient += width_) {
    const float* const normed = &normed_[row * width_];
    for (size_t i = 0; i < width_; ++i) gain_gradient[i] += y_gradient[i] * normed[i];
    const float along = Sum(width_, [&](size_t i) { return y_gradient[i] * gain[i] * normed[i]; }) /
                        static_cast<float>(width_);
    const float inverse = inverse_[row];
    for (size_t i = 0; i < width_; ++i) {
      x_gradient[i] += (y_gradient[i] * gain[i] - normed[i] * along) * inverse;
    }
  }
}

}  // namespace lathe
