// Values of the reference executor: arrays of doubles over all parameters of a model.
#ifndef LATHE_DSL_REFERENCE_VALUE_H_
#define LATHE_DSL_REFERENCE_VALUE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dsl/executor.h"

namespace lathe::reference {

// The elements of a value lie parameter after parameter, row-major; of a value without P there is
// one array.
class Value {
 public:
  Value(AxisSet type, std::span<const Shape> shapes) : type_(type) {
    int64_t offset = 0;
    const size_t count = type.Has(Axis::kP) ? shapes.size() : 1;
    for (size_t p = 0; p < count; ++p) {
      offsets_.push_back(offset);
      offset += shapes[p].Elements(type);
    }
    offsets_.push_back(offset);
    data_.assign(offset, 0.0);
  }

  AxisSet Type() const { return type_; }
  // Of one parameter; of a value without P the same for every parameter.
  std::span<double> At(int parameter) {
    const size_t p = Place(parameter);
    return std::span(data_).subspan(offsets_[p], offsets_[p + 1] - offsets_[p]);
  }
  std::span<const double> At(int parameter) const {
    const size_t p = Place(parameter);
    return std::span(data_).subspan(offsets_[p], offsets_[p + 1] - offsets_[p]);
  }
  void Fill(double number) { data_.assign(data_.size(), number); }

 private:
  size_t Place(int parameter) const { return type_.Has(Axis::kP) ? parameter : 0; }

  AxisSet type_;
  std::vector<int64_t> offsets_;
  std::vector<double> data_;
};

}  // namespace lathe::reference

#endif  // LATHE_DSL_REFERENCE_VALUE_H_
