// Values of the reference executor: arrays of doubles over all parameters of a model.
#ifndef LATHE_DSL_REFERENCE_VALUE_H_
#define LATHE_DSL_REFERENCE_VALUE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dsl/executor.h"

namespace lathe::reference {

// How the elements of a value of some type lie in its array: parameter after parameter, row-major;
// one element in all for a value without axes.
class Layout {
 public:
  Layout(AxisSet type, const std::vector<Shape>& shapes) : type_(type) {
    int64_t offset = 0;
    for (const Shape& shape : shapes) {
      offsets_.push_back(offset);
      if (type.Has(Axis::kP)) offset += Size(shape);
    }
    total_ = type.Has(Axis::kP) ? offset : 1;
  }

  AxisSet Type() const { return type_; }
  int64_t Total() const { return total_; }
  int64_t Offset(int parameter) const { return offsets_[parameter]; }
  int64_t Rows(const Shape& shape) const { return type_.Has(Axis::kR) ? shape.rows : 1; }
  int64_t Cols(const Shape& shape) const { return type_.Has(Axis::kC) ? shape.cols : 1; }
  int64_t Size(const Shape& shape) const { return Rows(shape) * Cols(shape); }
  // How far apart two rows, or two columns, lie; 0 along an axis that the type lacks.
  int64_t RowStride(const Shape& shape) const { return type_.Has(Axis::kR) ? Cols(shape) : 0; }
  int64_t ColStride() const { return type_.Has(Axis::kC) ? 1 : 0; }

 private:
  AxisSet type_;
  std::vector<int64_t> offsets_;
  int64_t total_ = 0;
};

struct Value {
  Layout layout;
  std::vector<double> data;

  Value(AxisSet type, const std::vector<Shape>& shapes)
      : layout(type, shapes), data(layout.Total(), 0.0) {}
  double* At(int parameter) { return data.data() + layout.Offset(parameter); }
  const double* At(int parameter) const { return data.data() + layout.Offset(parameter); }
};

inline void CopyParameter(const Value& from, Value& to, int parameter, const Shape& shape) {
  std::copy_n(from.At(parameter), from.layout.Size(shape), to.At(parameter));
}

}  // namespace lathe::reference

#endif  // LATHE_DSL_REFERENCE_VALUE_H_
