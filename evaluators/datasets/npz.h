// NPZ, the format in which NumPy saves several arrays: a zip archive of NPY files.
#ifndef LATHE_EVALUATORS_DATASETS_NPZ_H_
#define LATHE_EVALUATORS_DATASETS_NPZ_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"
#include "evaluators/datasets/input_file.h"

namespace lathe {

struct NpzOptions {
  std::string features_key = "x", labels_key = "y";
  uint32_t classes = 0;  // 0: one more than the largest label
  size_t max_array_bytes = kMaxInputBytes;
};

// Features are [examples, features], [examples, height, width] or [examples, channels, height,
// width] of any type that ParseNpy reads, taken as they are and rounded to float; labels are whole
// numbers [examples]. Data loss names file, array and place.
absl::StatusOr<Dataset> ParseNpz(const InputFile& file, const NpzOptions& options = {});

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_NPZ_H_
