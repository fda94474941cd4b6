// Softmax cross-entropy over rows of logits, nats.
#ifndef LATHE_EVALUATORS_TORCH_CROSS_ENTROPY_H_
#define LATHE_EVALUATORS_TORCH_CROSS_ENTROPY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "evaluators/torch/matrix.h"

namespace lathe {

// Not thread-safe.
class CrossEntropy {
 public:
  // Reads, and with Gradient writes, the memory of `logits`.
  explicit CrossEntropy(const Matrix& logits);

  // The sum of the losses of the first rows against a label each.
  double Loss(std::span<const uint8_t> labels);
  // How many of the first rows have another largest logit than their label's; after Loss.
  int64_t Wrong(std::span<const uint8_t> labels) const;
  // The logits become the gradient of the mean loss over all rows; after Loss.
  void Gradient(std::span<const uint8_t> labels);

 private:
  std::span<const float> Row(size_t i) const;

  const Matrix logits_;
  std::vector<float> log_probabilities_;
  Softmax softmax_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_CROSS_ENTROPY_H_
