// Optimizers as a person would write them in C++: one loop, everything in registers.
#ifndef LATHE_TESTS_BENCH_FUSED_H_
#define LATHE_TESTS_BENCH_FUSED_H_

#include <cstddef>

namespace lathe::bench {

// w, m and v move on; r1 and r2 are 1 / (1 - beta^t).
void FusedAdamW(size_t n, float* w, const float* g, float* m, float* v, float lr, float decay,
                float b1, float b2, float eps, float r1, float r2);
void FusedLion(size_t n, float* w, const float* g, float* m, float lr, float decay, float b1,
               float b2);

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_FUSED_H_
