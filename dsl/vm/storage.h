// What the vm keeps between the parts of a step, and from step to step.
#ifndef LATHE_DSL_VM_STORAGE_H_
#define LATHE_DSL_VM_STORAGE_H_

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "dsl/executor.h"

namespace lathe::vm {

// Numbers of one value: one, one per parameter, or one per channel or group; in double, and rounded
// to float for where they meet tensors.
class Numbers {
 public:
  Numbers() = default;
  Numbers(AxisSet type, std::span<const Shape> shapes)
      : type_(type),
        values_(type.Has(Axis::kP) ? shapes.size() : shapes[0].Elements(type)),
        floats_(values_.size()) {}

  AxisSet Type() const { return type_; }
  size_t Size() const { return values_.size(); }
  double operator[](size_t i) const { return values_[i]; }
  void Set(size_t i, double value) {
    values_[i] = value;
    floats_[i] = static_cast<float>(value);
  }
  void Fill(double value) {
    for (size_t i = 0; i < values_.size(); ++i) Set(i, value);
  }
  // Of one parameter; all where there is no P.
  const double* At(int p) const { return values_.data() + (type_.Has(Axis::kP) ? p : 0); }
  const float* FloatsAt(int p) const { return floats_.data() + (type_.Has(Axis::kP) ? p : 0); }
  // For whoever writes all values at once; Round() afterwards.
  double* Data() { return values_.data(); }
  void Round() {
    for (size_t i = 0; i < values_.size(); ++i) floats_[i] = static_cast<float>(values_[i]);
  }

 private:
  AxisSet type_;
  std::vector<double> values_;
  std::vector<float> floats_;
};

// Floats that start at a cache line.
class Floats {
 public:
  Floats() = default;
  explicit Floats(size_t count) : data_(new (kAlignment) float[count]()), count_(count) {}

  float* Data() { return data_.get(); }
  const float* Data() const { return data_.get(); }
  size_t Size() const { return count_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Delete {
    void operator()(float* p) const { ::operator delete[](p, kAlignment); }
  };
  std::unique_ptr<float[], Delete> data_;
  size_t count_ = 0;
};

// A tensor: an array per parameter, each at a cache line; one array where there is no P.
class Tensor {
 public:
  Tensor() = default;
  Tensor(AxisSet type, std::span<const Shape> shapes) : type_(type) {
    size_t offset = 0;
    for (const Shape& shape : type.Has(Axis::kP) ? shapes : shapes.first(1)) {
      const size_t size = static_cast<size_t>(shape.Elements(type));
      offsets_.push_back(offset);
      sizes_.push_back(size);
      // Not a multiple of 4096 bytes apart: addresses that agree in their last bits get in each
      // other's way.
      offset += (size + 15) / 16 * 16 + 16;
    }
    data_ = Floats(offset);
  }

  bool Empty() const { return offsets_.empty(); }
  AxisSet Type() const { return type_; }
  std::span<float> At(int p) {
    const size_t i = type_.Has(Axis::kP) ? p : 0;
    return {data_.Data() + offsets_[i], sizes_[i]};
  }
  std::span<const float> At(int p) const {
    const size_t i = type_.Has(Axis::kP) ? p : 0;
    return {data_.Data() + offsets_[i], sizes_[i]};
  }

 private:
  AxisSet type_;
  std::vector<size_t> offsets_, sizes_;
  Floats data_;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_STORAGE_H_
