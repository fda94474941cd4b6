#include "dsl/vm/layout.h"

namespace lathe::vm {

Walk::Walk(AxisSet domain, AxisSet of, const Shape& shape) {
  const Strides strides = StridesOf(of, shape);
  ForEachAxis(domain.Without({Axis::kP}), [&](Axis axis) {
    const Dim dim{shape.Extent(axis), strides[static_cast<size_t>(axis)]};
    total_ *= dim.extent;
    if (dim.extent == 1) return;
    const bool like_the_last = !dims_.empty() && dims_.back().stride == dim.stride * dim.extent;
    if (like_the_last) {
      dims_.back() = {dims_.back().extent * dim.extent, dim.stride};
    } else {
      dims_.push_back(dim);
    }
  });
}

}  // namespace lathe::vm
