// Applies one op to rows and groups of numbers.
#ifndef LATHE_DSL_REFERENCE_LANES_H_
#define LATHE_DSL_REFERENCE_LANES_H_

#include <array>
#include <cstdint>
#include <span>

#include "dsl/op.h"

namespace lathe::reference {

// The elements data[0], data[stride], ...; stride is 1, or 0 for one number that stands for all.
struct Lane {
  const double* data = nullptr;
  int64_t stride = 0;
};
using Lanes = std::array<Lane, kMaxArity>;

// out[i] = op(in[0][i], in[1][i], ...) for i < n. `op` is elementwise; `out` may be an operand.
void ApplyElementwise(Op op, int64_t n, const Lanes& in, double* out);
// The same with operands rounded to float and the op's own arithmetic in float.
void ApplyElementwiseInFloat(Op op, int64_t n, const Lanes& in, double* out);

// The moment of a reduction over a group of numbers, and what it gives as result. `op` is a
// reduction; `b` is empty unless it takes two operands.
double ReduceGroup(Op op, std::span<const double> a, std::span<const double> b);
double FinishMoment(Op op, double moment);

// A normalization of a group of numbers, in place. `op` is a normalize_over.
void NormalizeGroup(Op op, std::span<double> a);

}  // namespace lathe::reference

#endif  // LATHE_DSL_REFERENCE_LANES_H_
