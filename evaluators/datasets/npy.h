// NPY, the format of one NumPy array: a header that is written like a Python dictionary, then the
// values.
#ifndef LATHE_EVALUATORS_DATASETS_NPY_H_
#define LATHE_EVALUATORS_DATASETS_NPY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

enum class NpyType : uint8_t { kUint8, kInt32, kInt64, kFloat32, kFloat64 };

struct NpyArray {
  NpyType type = NpyType::kUint8;
  std::vector<uint64_t> shape;
  std::string_view values;  // exactly those of the shape, rows one after the other

  bool IsFloat() const { return type == NpyType::kFloat32 || type == NpyType::kFloat64; }
  size_t Count() const;
  // Values of whole numbers, and of any kind.
  int64_t Whole(size_t i) const;
  double Real(size_t i) const;
};

// Versions 1 to 3. Data loss, whose message starts with `place`, for what is cut off, malformed,
// too long, or not one of these types in C order. The array points into `bytes`.
absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes, const std::string& place);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_NPY_H_
