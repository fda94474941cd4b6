// Vectors of floats, as wide as the registers of one build. Included once by each build of some
// kernels, after one of isa_*.inc.h, which define
//   LATHE_ISA           the build's name
//   kFloats             how many floats a vector has
//   LATHE_SLEEF(a, f), LATHE_SLEEF2(a, b, f), LATHE_SLEEF_U15(a, f)   SLEEF's f for such vectors
//   LATHE_ALL(condition)   whether a comparison holds for each lane
// Everything has internal linkage: what is compiled here for one machine must not be taken by the
// linker for a function that another machine runs.
#include <cmath>
#include <cstddef>
#include <cstring>

namespace lathe::vm {
namespace {

typedef float V __attribute__((vector_size(kFloats * sizeof(float))));
typedef int I __attribute__((vector_size(kFloats * sizeof(float))));
// Unaligned, and of any type beside it.
typedef float U __attribute__((vector_size(kFloats * sizeof(float)), aligned(4), may_alias));

inline V Load(const float* p) {
  return *reinterpret_cast<const U*>(p);
}
inline void Save(float* p, V v) {
  *reinterpret_cast<U*>(p) = v;
}
inline V Lift(float number) {
  V all;
  for (int i = 0; i < kFloats; ++i) all[i] = number;
  return all;
}

// The last, incomplete vector goes through memory of its own.
inline V LoadPart(const float* p, size_t count) {
  V v = Lift(1.0f);
  std::memcpy(&v, p, count * sizeof(float));
  return v;
}
inline void SavePart(float* p, V v, size_t count) {
  std::memcpy(p, &v, count * sizeof(float));
}

// One vector of fused multiply-adds.
inline V Fma(V a, V b, V c) {
  V out;
#pragma GCC unroll 16
  for (int i = 0; i < kFloats; ++i) out[i] = std::fma(a[i], b[i], c[i]);
  return out;
}

#include "dsl/vm/functions.inc.h"

}  // namespace
}  // namespace lathe::vm
