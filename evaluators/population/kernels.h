// The loops of a population of multi-layer perceptrons beside their products of matrices, in three
// builds that give the same bits: AVX-512, AVX2 with FMA, and what every machine runs.
//
// Examples lie along lanes, whose number is a multiple of kLanes. Lanes without an example have
// weight 0, and with it a gradient of 0, which sums over all lanes rely on.
#ifndef LATHE_EVALUATORS_POPULATION_KERNELS_H_
#define LATHE_EVALUATORS_POPULATION_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dsl/vm/kernels.h"

namespace lathe {

inline constexpr size_t kLanes = 16;

struct PopulationKernels {
  // Products of matrices.
  const vm::Kernels* matrices;

  // out[j][i] = in[i][j] for i < rows, j < cols, both multiples of 8; rows of `in` and `out` are
  // `ld_in` and `ld_out` apart.
  void (*transpose)(size_t rows, size_t cols, const float* in, size_t ld_in, float* out,
                    size_t ld_out);

  // x[i] = max(x[i], 0) for i < n, a multiple of kLanes; NaN stays.
  void (*rectify)(size_t n, float* x);
  // delta[i] = 0 where activation[i] <= 0.
  void (*rectify_backward)(size_t n, const float* activation, float* delta);

  // sums[i] = the sum of x[i][0..lanes): over 16 accumulators, these in one order.
  void (*row_sums)(size_t rows, size_t lanes, const float* x, float* sums);

  // Softmax cross-entropy of `logits` [classes][lanes], nats, against a label for each lane.
  // `logits` become their own gradient times the lane's weight.
  void (*cross_entropy)(size_t classes, size_t lanes, const int32_t* labels, const float* weights,
                        float* logits, float* losses);
  // The losses, and for each lane the first of the classes with the largest logit.
  void (*score)(size_t classes, size_t lanes, const int32_t* labels, const float* logits,
                float* losses, int32_t* best);
};

// Those that this machine can run, in the order of vm::AvailableKernels().
std::span<const PopulationKernels> AvailablePopulationKernels();

// The loops alone, by build; `matrices` is null.
#if defined(__x86_64__)
const PopulationKernels& Avx512PopulationKernels();
const PopulationKernels& Avx2PopulationKernels();
#endif
const PopulationKernels& PortablePopulationKernels();

}  // namespace lathe

#endif  // LATHE_EVALUATORS_POPULATION_KERNELS_H_
