#include "evaluators/torch/cross_entropy.h"

#include <algorithm>

namespace lathe {

CrossEntropy::CrossEntropy(const Matrix& logits)
    : logits_(logits),
      log_probabilities_(static_cast<size_t>(logits.rows * logits.cols)),
      softmax_(Softmax::Of::kLogarithms, logits,
               {log_probabilities_.data(), logits.rows, logits.cols}) {}

std::span<const float> CrossEntropy::Row(size_t i) const {
  const auto width = static_cast<size_t>(logits_.cols);
  return std::span(log_probabilities_).subspan(i * width, width);
}

double CrossEntropy::Loss(std::span<const uint8_t> labels) {
  softmax_.Run();
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) sum -= Row(i)[labels[i]];
  return sum;
}

int64_t CrossEntropy::Wrong(std::span<const uint8_t> labels) const {
  int64_t wrong = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> row = Row(i);
    wrong += std::ranges::max_element(row) - row.begin() != labels[i];
  }
  return wrong;
}

void CrossEntropy::Gradient(std::span<const uint8_t> labels) {
  Exp({log_probabilities_.data(), logits_.rows, logits_.cols}, logits_);
  const auto width = static_cast<size_t>(logits_.cols);
  for (size_t i = 0; i < labels.size(); ++i) logits_.data[i * width + labels[i]] -= 1;
  const float scale = 1 / static_cast<float>(logits_.rows);
  for (float& value : std::span(logits_.data, log_probabilities_.size())) value *= scale;
}

}  // namespace lathe
