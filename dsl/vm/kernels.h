// Loops over blocks of floats, in three builds that give the same bits: AVX-512, AVX2 with FMA, and
// what every machine runs.
#ifndef LATHE_DSL_VM_KERNELS_H_
#define LATHE_DSL_VM_KERNELS_H_

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "dsl/vm/code.h"

namespace lathe::vm {

// out[i] = code(a[i], b[i], ...) for i < n; an operand that the mask names is one number, a[0]. The
// result may be the memory of an operand. Operands that a code lacks are not read.
using Elementwise = void (*)(size_t n, const float* a, const float* b, const float* c,
                             const float* d, float* out);

// Totals in double over 16 virtual accumulators: element i goes to number i mod 16, and these are
// added in one order, so that the bits do not depend on how wide the machine's registers are.
struct Kernels {
  std::string_view name;
  // By code and by the mask of operands that are one number; null where there is no kernel.
  std::array<std::array<Elementwise, 1 << kMaxOperands>, kCodeCount> elementwise;

  // Over a run: of all x; of x * y; of (x - center) and its square.
  double (*sum)(size_t n, const float* x);
  double (*sum_products)(size_t n, const float* x, const float* y);
  void (*sum_deviations)(size_t n, const float* x, double center, double* sum, double* squares);
  // The largest, or smallest, of `so_far` and all x; NaN if any is.
  float (*largest)(size_t n, const float* x, float so_far);
  float (*smallest)(size_t n, const float* x, float so_far);

  // Element by element: total[i] += x[i], and so on.
  void (*add_each)(size_t n, const float* x, double* total);
  void (*add_products_each)(size_t n, const float* x, const float* y, double* total);
  void (*add_deviations_each)(size_t n, const float* x, const double* center, double* sum,
                              double* squares);

  // c[i][j] = start[i] + the sum over k of a[i][k] * b[k][j], each in order of k with fused
  // multiply-adds; rows of a, b and c are `a_row`, `ldb`, `ldc` apart, the columns of a `a_step`,
  // the numbers of `start`, which are 0 if it is null, `start_step`.
  void (*multiply)(size_t rows, size_t cols, size_t inner, const float* a, size_t a_row,
                   size_t a_step, const float* b, size_t ldb, const float* start, size_t start_step,
                   float* c, size_t ldc);
};

// Those that this machine can run, the fastest first, the portable ones last. Each gives the bits
// of the portable ones on a few hundred probes of every code.
std::span<const Kernels* const> AvailableKernels();

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_KERNELS_H_
