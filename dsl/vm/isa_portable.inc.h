// How a build for any machine names itself and reaches SLEEF; see vectors.inc.h.
// The header shows these functions only where fused multiply-adds are fast; they are always there.
#ifndef FP_FAST_FMA
#define FP_FAST_FMA
#endif
#include <sleef.h>

// Four floats at a time, SLEEF's functions one by one: the same bits, for any machine.
#define LATHE_ISA "portable"
#define LATHE_SLEEF(a, f) LaneByLane(a, [](float x) { return Sleef_finz_##f##1_u10purecfma(x); })
#define LATHE_SLEEF2(a, b, f) \
  LaneByLane(a, b, [](float x, float y) { return Sleef_finz_##f##1_u10purecfma(x, y); })
#define LATHE_SLEEF_U15(a, f) \
  LaneByLane(a, [](float x) { return Sleef_finz_##f##1_u15purecfma(x); })
#define LATHE_ALL(condition) AllLanes(condition)

namespace lathe::vm {
namespace {

constexpr int kFloats = 4;

template <typename V, typename F>
inline V LaneByLane(V a, F f) {
  for (int i = 0; i < kFloats; ++i) a[i] = f(a[i]);
  return a;
}
template <typename V, typename F>
inline V LaneByLane(V a, V b, F f) {
  for (int i = 0; i < kFloats; ++i) a[i] = f(a[i], b[i]);
  return a;
}

template <typename I>
inline bool AllLanes(I condition) {
  for (int i = 0; i < kFloats; ++i) {
    if (condition[i] == 0) return false;
  }
  return true;
}

}  // namespace
}  // namespace lathe::vm
