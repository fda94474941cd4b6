// A block of the transformer of proto/lathe/v1/task.proto, there and back: attention and a ReLU
// layer, each behind a norm and added to what it is given.
#ifndef LATHE_EVALUATORS_TORCH_TRANSFORMER_BLOCK_H_
#define LATHE_EVALUATORS_TORCH_TRANSFORMER_BLOCK_H_

#include <cstdint>
#include <vector>

#include "evaluators/torch/causal_attention.h"
#include "evaluators/torch/linear.h"
#include "evaluators/torch/matrix.h"
#include "evaluators/torch/rms_norm.h"

namespace lathe {

// Where a block's parameters, or their gradients, lie.
struct BlockParameters {
  float *attention_gain, *projections, *attention_out, *gain, *up, *down;
};

struct TransformerSizes {
  int64_t batch, context, width, heads;
  int64_t Tokens() const { return batch * context; }
};

// Not thread-safe. Throws what torch throws.
class TransformerBlock {
 public:
  // Reads and writes parameters and gradients where they lie.
  TransformerBlock(const TransformerSizes& sizes, const BlockParameters& parameters,
                   const BlockParameters& gradients);
  TransformerBlock(const TransformerBlock&) = delete;  // products point into it
  TransformerBlock& operator=(const TransformerBlock&) = delete;

  // x [tokens][width] in place; then its gradient.
  void Forward(float* x);
  void Backward(float* gradient);

 private:
  using Floats = std::vector<float>;

  Linear MakeLinear(Floats& x, float* weight, Floats& y, Floats& x_gradient, float* weight_gradient,
                    Floats& y_gradient) const;

  const TransformerSizes sizes_;
  const BlockParameters parameters_, gradients_;
  // [tokens][width or a multiple of it], in the order of the way there, and their gradients. `out_`
  // is what is added, twice.
  Floats attention_in_, projections_, attended_, out_, in_, up_;
  Floats in_gradient_, projections_gradient_, attended_gradient_, out_gradient_, up_gradient_;
  RmsNorm attention_norm_, norm_;
  CausalAttention attention_;
  Linear project_, attention_out_, go_up_, go_down_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TRANSFORMER_BLOCK_H_
