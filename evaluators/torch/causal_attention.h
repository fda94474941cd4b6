// Attention of every token to itself and to those before it, there and back, for a batch of
// sequences. A head's products are too small for a BLAS: they run on the vm's kernels, which give
// the same bits on every machine; softmax is torch's.
#ifndef LATHE_EVALUATORS_TORCH_CAUSAL_ATTENTION_H_
#define LATHE_EVALUATORS_TORCH_CAUSAL_ATTENTION_H_

#include <cstdint>
#include <vector>

#include "dsl/vm/kernels.h"
#include "evaluators/torch/matrix.h"

namespace lathe {

// Not thread-safe. Throws what torch throws.
class CausalAttention {
 public:
  CausalAttention(int64_t batch, int64_t context, int64_t width, int64_t heads);
  CausalAttention(const CausalAttention&) = delete;  // products point into it
  CausalAttention& operator=(const CausalAttention&) = delete;

  // `projections` [batch][context][3 * width]: queries, keys and values, each head by head.
  // `out` [batch][context][width].
  void Forward(const float* projections, float* out);
  // From the gradient by `out` to that by the projections, which are as in Forward.
  void Backward(const float* out_gradient, const float* projections, float* gradient);

 private:
  // Of one head of one sequence.
  struct Place {
    size_t projections, out, scores;
  };
  template <typename Visit>
  void ForEachHead(Visit visit) const;
  // head_[i][t] = from[t][i].
  void Transpose(const float* from, size_t row);
  void ScoreGradient(const float* probabilities);

  const size_t batch_, context_, width_, heads_, head_width_;
  const float scale_;
  const vm::Kernels& kernels_;
  std::vector<float> scores_, probabilities_;  // [batch][heads][context][context]
  std::vector<float> head_;                    // [head width][context]
  std::vector<float> score_gradient_;          // [context][context]
  Softmax softmax_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_CAUSAL_ATTENTION_H_
