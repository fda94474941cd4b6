// The buffers of a layer: moving averages of what its reductions over the batch saw in training,
// which stand for them in evaluation, as in batch normalization (Ioffe and Szegedy, 2015).
#ifndef LATHE_DSL_BUFFERS_H_
#define LATHE_DSL_BUFFERS_H_

#include <vector>

#include "dsl/program.h"

namespace lathe {

// buffer <- (1 - kBufferMomentum) * buffer + kBufferMomentum * moment, with each training step.
inline constexpr double kBufferMomentum = 0.1;

struct Buffer {
  int instruction;  // the reduction
  AxisSet axes;     // of its result
  double start;
};

// In the order of the instructions; none for programs that are independent of the batch, and for
// signatures without B. A buffer of rms, stddev or norm holds the moment under the root; moments
// are biased: divided by n.
std::vector<Buffer> Buffers(const Program& program);

}  // namespace lathe

#endif  // LATHE_DSL_BUFFERS_H_
