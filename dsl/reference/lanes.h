// Applies one op along one row of numbers.
#ifndef LATHE_DSL_REFERENCE_LANES_H_
#define LATHE_DSL_REFERENCE_LANES_H_

#include <array>
#include <cstdint>

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

// A reduction in its three parts. `op` is a reduction.
inline constexpr double kReductionStart = -0.0;  // the one number that adding to changes nothing
double AddToReduction(Op op, double total, double element);
double FinishReduction(Op op, double total, double count);

}  // namespace lathe::reference

#endif  // LATHE_DSL_REFERENCE_LANES_H_
