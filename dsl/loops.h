// Nested loops over the axes of values that lie row-major in the order of their axes.
#ifndef LATHE_DSL_LOOPS_H_
#define LATHE_DSL_LOOPS_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dsl/executor.h"

namespace lathe {

// By axis, how far apart neighbours along it lie; 0 along axes that the type lacks, and along P.
using Strides = std::array<int64_t, kAxisCount>;

inline Strides StridesOf(AxisSet type, const Shape& shape) {
  Strides strides = {};
  int64_t stride = 1;
  for (int i = kAxisCount - 1; i > 0; --i) {
    const Axis axis = static_cast<Axis>(i);
    if (!type.Has(axis)) continue;
    strides[i] = stride;
    stride *= shape.Extent(axis);
  }
  return strides;
}

// One loop, and how far each of three values moves with it.
struct Loop {
  int64_t extent;
  std::array<int64_t, 3> strides;
};

// Calls visit(place, place, place) for every combination of the loops, the last one innermost.
template <typename Visit>
void RunLoops(std::span<const Loop> loops, const Visit& visit, std::array<int64_t, 3> at = {}) {
  if (loops.empty()) return visit(at[0], at[1], at[2]);
  const Loop& loop = loops[0];
  for (int64_t i = 0; i < loop.extent; ++i) {
    RunLoops(loops.subspan(1), visit, at);
    for (int k = 0; k < 3; ++k) at[k] += loop.strides[k];
  }
}

// Calls visit(place in a value of type `of`, place in one of type `in`) for every element of `of`,
// in order; axes that `in` lacks do not move there.
template <typename Visit>
void ForEachElement(AxisSet of, AxisSet in, const Shape& shape, const Visit& visit) {
  const Strides from = StridesOf(of, shape), to = StridesOf(in, shape);
  std::vector<Loop> loops;
  ForEachAxis(of.Without({Axis::kP}), [&](Axis axis) {
    const size_t i = static_cast<size_t>(axis);
    loops.push_back({shape.Extent(axis), {from[i], to[i], 0}});
  });
  RunLoops(loops, [&](int64_t a, int64_t b, int64_t) { visit(a, b); });
}

}  // namespace lathe

#endif  // LATHE_DSL_LOOPS_H_
