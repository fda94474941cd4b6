#include "evaluators/torch/causal_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe {

CausalAttention::CausalAttention(int64_t batch, int64_t context, int64_t width, int64_t heads)
    : batch_(static_cast<size_t>(batch)),
      context_(static_cast<size_t>(context)),
      width_(static_cast<size_t>(width)),
      heads_(static_cast<size_t>(heads)),
      head_width_(width_ / heads_),
      scale_(1 / std::sqrt(static_cast<float>(head_width_))),
      kernels_(*vm::AvailableKernels().front()),
      scores_(batch_ * heads_ * context_ * context_),
      probabilities_(scores_.size()),
      head_(head_width_ * context_),
      score_gradient_(context_ * context_),
      softmax_(Softmax::Of::kProbabilities, {scores_.data(), batch * heads * context, context},
               {probabilities_.data(), batch * heads * context, context}) {}

template <typename Visit>
void CausalAttention::ForEachHead(Visit visit) const {
  for (size_t sequence = 0; sequence < batch_; ++sequence) {
    for (size_t head = 0; head < heads_; ++head) {
      visit(Place{.projections = sequence * context_ * 3 * width_ + head * head_width_,
                  .out = sequence * context_ * width_ + head * head_width_,
                  .scores = (sequence * heads_ + head) * context_ * context_});
    }
  }
}

void CausalAttention::Transpose(const float* from, size_t row) {
  for (size_t t = 0; t < context_; ++t) {
    for (size_t i = 0; i < head_width_; ++i) head_[i * context_ + t] = from[t * row + i];
  }
}

void CausalAttention::Forward(const float* projections, float* out) {
  const size_t row = 3 * width_;
  ForEachHead([&](const Place& place) {
    const float* queries = projections + place.projections;
    float* scores = &scores_[place.scores];
    Transpose(queries + width_, row);
    kernels_.multiply(context_, context_, head_width_, queries, row, 1, head_.data(), context_,
                      nullptr, 0, scores, context_);
    for (size_t t = 0; t < context_; ++t) {
      float* own = scores + t * context_;
      for (size_t i = 0; i <= t; ++i) own[i] *= scale_;
      std::fill(own + t + 1, own + context_, -std::numeric_limits<float>::infinity());
    }
  });
  softmax_.Run();
  ForEachHead([&](const Place& place) {
    kernels_.multiply(context_, head_width_, context_, &probabilities_[place.scores], context_, 1,
                      projections + place.projections + 2 * width_, row, nullptr, 0,
                      out + place.out, width_);
  });
}

// From the gradient by probabilities to that by the products of queries and keys, in place.
void CausalAttention::ScoreGradient(const float* probabilities) {
  for (size_t t = 0; t < context_; ++t) {
    float* gradient = &score_gradient_[t * context_];
    const float* own = probabilities + t * context_;
    float dot = 0;
    for (size_t i = 0; i <= t; ++i) dot += gradient[i] * own[i];
    for (size_t i = 0; i < context_; ++i) gradient[i] = scale_ * own[i] * (gradient[i] - dot);
  }
}

void CausalAttention::Backward(const float* out_gradient, const float* projections,
                               float* gradient) {
  const size_t row = 3 * width_;
  ForEachHead([&](const Place& place) {
    const float* queries = projections + place.projections;
    const float* own = &probabilities_[place.scores];
    const float* delta = out_gradient + place.out;
    float* to = gradient + place.projections;
    // Values: the probabilities, transposed, times delta.
    kernels_.multiply(context_, head_width_, context_, own, 1, context_, delta, width_, nullptr, 0,
                      to + 2 * width_, row);
    Transpose(queries + 2 * width_, row);
    kernels_.multiply(context_, context_, head_width_, delta, width_, 1, head_.data(), context_,
                      nullptr, 0, score_gradient_.data(), context_);
    ScoreGradient(own);
    kernels_.multiply(context_, head_width_, context_, score_gradient_.data(), context_, 1,
                      queries + width_, row, nullptr, 0, to, row);
    kernels_.multiply(context_, head_width_, context_, score_gradient_.data(), 1, context_, queries,
                      row, nullptr, 0, to + width_, row);
  });
}

}  // namespace lathe
