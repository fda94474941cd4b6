#include <algorithm>

#include "dsl/executor.h"

namespace lathe {

int64_t Shape::Extent(Axis axis) const {
  switch (axis) {
    case Axis::kP: return 1;
    case Axis::kR:
    case Axis::kR1:
    case Axis::kR2: return rows;
    case Axis::kC:
    case Axis::kC1:
    case Axis::kC2: return cols;
    case Axis::kB: return batch;
    case Axis::kG: return groups;
    case Axis::kK: return channels;
    case Axis::kH: return height;
    case Axis::kW: return width;
  }
  return 1;
}

int64_t Shape::Elements(AxisSet type) const {
  int64_t elements = 1;
  ForEachAxis(type, [&](Axis axis) { elements *= Extent(axis); });
  return elements;
}

Shape LayerShape(int64_t batch, int64_t channels, int64_t height, int64_t width, int64_t groups) {
  int64_t divisor = std::min(groups, channels);
  while (channels % divisor != 0) --divisor;
  return {.batch = batch,
          .groups = divisor,
          .channels = channels / divisor,
          .height = height,
          .width = width};
}

}  // namespace lathe
