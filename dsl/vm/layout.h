// How the elements of values lie relative to each other, for one shape.
#ifndef LATHE_DSL_VM_LAYOUT_H_
#define LATHE_DSL_VM_LAYOUT_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dsl/executor.h"
#include "dsl/loops.h"

namespace lathe::vm {

// A walk over the elements of a type, in order, and where it is in a value of some of its axes.
// Axes of extent 1 are left out, and neighbours that move alike are one.
class Walk {
 public:
  Walk() = default;
  Walk(AxisSet domain, AxisSet of, const Shape& shape);

  int64_t Total() const { return total_; }
  // Whether the value stands still, or moves with every element.
  bool IsFixed() const { return dims_.empty() || (dims_.size() == 1 && dims_[0].stride == 0); }
  bool IsFull() const { return dims_.empty() || (dims_.size() == 1 && dims_[0].stride == 1); }
  // How many elements follow each other, at the end of the domain, along which the value stands
  // still or moves with every element.
  int64_t InnerRun() const { return dims_.empty() ? 1 : dims_.back().extent; }

  // Where element `position` is in the value.
  int64_t PlaceOf(int64_t position) const {
    int64_t place = 0;
    for (size_t i = dims_.size(); i-- > 0;) {
      place += position % dims_[i].extent * dims_[i].stride;
      position /= dims_[i].extent;
    }
    return place;
  }

  // Cuts [position, position + count) into segments along which the value stands still (moves is
  // false) or moves with every element, and calls visit(offset from position, length, place, moves,
  // first): first if the segment is the first to come to its place.
  template <typename Visit>
  void ForEachSegment(int64_t position, int64_t count, const Visit& visit) const {
    if (dims_.empty()) return visit(int64_t{0}, count, int64_t{0}, false, position == 0);
    const Dim& inner = dims_.back();
    int64_t done = 0;
    while (done < count) {
      const int64_t at = (position + done) % inner.extent;
      const int64_t length = std::min(count - done, inner.extent - at);
      int64_t rest = (position + done) / inner.extent, place = at * inner.stride;
      bool first = inner.stride != 0 || at == 0;
      for (size_t i = dims_.size() - 1; i-- > 0;) {
        const int64_t index = rest % dims_[i].extent;
        rest /= dims_[i].extent;
        place += index * dims_[i].stride;
        first = first && (dims_[i].stride != 0 || index == 0);
      }
      visit(done, length, place, inner.stride != 0, first);
      done += length;
    }
  }

 private:
  struct Dim {
    int64_t extent, stride;
  };
  std::vector<Dim> dims_;
  int64_t total_ = 1;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_LAYOUT_H_
