#include "evaluators/torch/convolution_layer.h"

#include <algorithm>

namespace lathe {
namespace {

constexpr int64_t kTaps = 9;
constexpr int kNobody = 4;  // all four of a pool are cut off by the ReLU

size_t Size(int64_t a, int64_t b, int64_t c, int64_t d) {
  return static_cast<size_t>(a * b * c * d);
}

}  // namespace

Filters::Filters(const Convolution& convolution)
    : outputs_(convolution.out),
      inputs_(convolution.in.channels),
      values_(static_cast<size_t>(outputs_ * inputs_ * kTaps)),
      gradient_(values_.size()) {}

void Filters::Pack(const float* weight) {
  float* packed = values_.data();
  for (int64_t tap = 0; tap < kTaps; ++tap) {
    for (int64_t in = 0; in < inputs_; ++in) {
      const float* first = weight + in * kTaps + tap;
      for (int64_t out = 0; out < outputs_; ++out) *packed++ = first[out * inputs_ * kTaps];
    }
  }
}

void Filters::UnpackGradient(float* gradient) const {
  const float* packed = gradient_.data();
  for (int64_t tap = 0; tap < kTaps; ++tap) {
    for (int64_t in = 0; in < inputs_; ++in) {
      float* first = gradient + in * kTaps + tap;
      for (int64_t out = 0; out < outputs_; ++out) first[out * inputs_ * kTaps] = *packed++;
    }
  }
}

ConvolutionLayer::ConvolutionLayer(const Convolution& convolution, int64_t batch, Filters& filters)
    : batch_(batch),
      height_(convolution.in.height),
      width_(convolution.in.width),
      inputs_(convolution.in.channels),
      outputs_(convolution.out),
      pools_(convolution.pooled),
      padded_(Size(batch, height_ + 2, width_ + 2, inputs_)),
      columns_(Size(batch, height_, width_, kTaps * inputs_)),
      values_(Size(batch, height_, width_, outputs_)),
      pooled_(Size(batch, convolution.After().height, convolution.After().width, outputs_)),
      delta_(pooled_.size()),
      winners_(pooled_.size()),
      value_gradient_(values_.size()),
      column_gradient_(columns_.size()),
      input_gradient_(padded_.size()),
      forward_(Rows(columns_), filters.Values(), Rows(values_)),
      backward_filters_(Rows(columns_).Transposed(), Rows(value_gradient_), filters.Gradient()),
      backward_columns_(Rows(value_gradient_), filters.Values().Transposed(),
                        Rows(column_gradient_)) {}

// A row for each pixel.
Matrix ConvolutionLayer::Rows(std::vector<float>& values) const {
  const int64_t rows = batch_ * height_ * width_;
  return {values.data(), rows, static_cast<int64_t>(values.size()) / rows};
}

// Calls visit(where three pixels begin among the padded ones, where they begin among the columns).
template <typename Visit>
void ConvolutionLayer::ForEachRow(Visit visit) const {
  size_t column = 0;
  for (int64_t image = 0; image < batch_; ++image) {
    for (int64_t y = 0; y < height_; ++y) {
      for (int64_t x = 0; x < width_; ++x) {
        for (int64_t tap = 0; tap < 3; ++tap, column += static_cast<size_t>(3 * inputs_)) {
          visit(Size(1, 1, (image * (height_ + 2) + y + tap) * (width_ + 2) + x, inputs_), column);
        }
      }
    }
  }
}

// Where a line of an image begins among the padded ones.
size_t ConvolutionLayer::PaddedLine(int64_t line) const {
  const int64_t row = line / height_ * (height_ + 2) + line % height_ + 1;
  return Size(1, 1, row * (width_ + 2) + 1, inputs_);
}

void ConvolutionLayer::TakeInput(const float* images) {
  for (int64_t line = 0; line < batch_ * height_; ++line) {
    std::copy_n(images + line * width_ * inputs_, width_ * inputs_, &padded_[PaddedLine(line)]);
  }
  ForEachRow(
      [this](size_t from, size_t to) { std::copy_n(&padded_[from], 3 * inputs_, &columns_[to]); });
}

// Calls visit(pointers to the pixels of a pool among `values`, how many, where the pool's result
// is).
template <typename Visit>
void ConvolutionLayer::ForEachPooled(float* values, Visit visit) const {
  const int64_t step = pools_ ? 2 : 1, height = height_ / step, width = width_ / step;
  size_t pixel = 0;
  for (int64_t image = 0; image < batch_; ++image) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x, pixel += static_cast<size_t>(outputs_)) {
        const int64_t row = image * height_ + step * y;
        float* const first = values + (row * width_ + step * x) * outputs_;
        float* const right = first + (pools_ ? outputs_ : 0);
        float* const below = first + (pools_ ? width_ * outputs_ : 0);
        float* const taps[] = {first, right, below, below + (right - first)};
        visit(taps, pools_ ? 4 : 1, pixel);
      }
    }
  }
}

// The first of the largest wins; NaN wins over numbers.
void ConvolutionLayer::Pool(const float* const* taps, int count, const float* bias, size_t pixel) {
  float* const __restrict best = &pooled_[pixel];
  int32_t* const __restrict winner = &winners_[pixel];
  const auto channels = static_cast<size_t>(outputs_);
  std::copy_n(taps[0], channels, best);
  std::fill_n(winner, channels, 0);
  for (int tap = 1; tap < count; ++tap) {
    const float* const __restrict values = taps[tap];
    for (size_t i = 0; i < channels; ++i) {
      const bool wins = values[i] > best[i] || values[i] != values[i];
      best[i] = wins ? values[i] : best[i];
      winner[i] = wins ? tap : winner[i];
    }
  }
  for (size_t i = 0; i < channels; ++i) {
    const float value = best[i] + bias[i];
    best[i] = value <= 0 ? 0 : value;
    winner[i] = value <= 0 ? kNobody : winner[i];
  }
}

void ConvolutionLayer::Forward(const float* bias) {
  forward_.Run();
  ForEachPooled(values_.data(), [&](const float* const* taps, int count, size_t pixel) {
    Pool(taps, count, bias, pixel);
  });
}

void ConvolutionLayer::Unpool(float* const* taps, int count, float* __restrict bias_gradient,
                              size_t pixel) const {
  const float* const __restrict delta = &delta_[pixel];
  const int32_t* const __restrict winner = &winners_[pixel];
  const auto channels = static_cast<size_t>(outputs_);
  for (int tap = 0; tap < count; ++tap) {
    float* const __restrict values = taps[tap];
    for (size_t i = 0; i < channels; ++i) {
      const float own = delta[i];  // read in any case, or compilers branch
      values[i] = winner[i] == tap ? own : 0;
    }
  }
  for (size_t i = 0; i < channels; ++i) {
    const float own = delta[i];
    bias_gradient[i] += winner[i] == kNobody ? 0 : own;
  }
}

void ConvolutionLayer::Backward(float* bias_gradient) {
  std::fill_n(bias_gradient, outputs_, 0.0f);
  // What no pool covers stays 0.
  ForEachPooled(value_gradient_.data(), [&](float* const* taps, int count, size_t pixel) {
    Unpool(taps, count, bias_gradient, pixel);
  });
  backward_filters_.Run();
}

void ConvolutionLayer::InputGradient(float* images) {
  backward_columns_.Run();
  std::vector<float>& sums = input_gradient_;
  std::ranges::fill(sums, 0.0f);
  const auto width = static_cast<size_t>(3 * inputs_);
  ForEachRow([&](size_t to, size_t from) {
    for (size_t i = 0; i < width; ++i) sums[to + i] += column_gradient_[from + i];
  });
  for (int64_t line = 0; line < batch_ * height_; ++line) {
    std::copy_n(&sums[PaddedLine(line)], width_ * inputs_, images + line * width_ * inputs_);
  }
}

}  // namespace lathe
