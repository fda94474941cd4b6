// Compiled for each instruction set, with all the liberty that keeps results; see CMakeLists.txt.
#include "tests/bench/fused.h"

#include <cmath>

#if defined(__x86_64__)
#define LATHE_EVERY_ISA \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LATHE_EVERY_ISA
#endif

namespace lathe::bench {

LATHE_EVERY_ISA
void FusedAdamW(size_t n, float* __restrict w, const float* __restrict g, float* __restrict m,
                float* __restrict v, float lr, float decay, float b1, float b2, float eps, float r1,
                float r2) {
  for (size_t i = 0; i < n; ++i) {
    m[i] = b1 * m[i] + (1 - b1) * g[i];
    v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    w[i] -= lr * (m[i] * r1 / (std::sqrt(v[i] * r2) + eps) + decay * w[i]);
  }
}

LATHE_EVERY_ISA
void FusedLion(size_t n, float* __restrict w, const float* __restrict g, float* __restrict m,
               float lr, float decay, float b1, float b2) {
  for (size_t i = 0; i < n; ++i) {
    const float c = b1 * m[i] + (1 - b1) * g[i];
    m[i] = b2 * m[i] + (1 - b2) * g[i];
    const float sign = c > 0 ? 1.0f : c < 0 ? -1.0f : 0.0f;
    w[i] -= lr * (sign + decay * w[i]);
  }
}

}  // namespace lathe::bench
