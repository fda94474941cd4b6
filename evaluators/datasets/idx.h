// IDX, the format of MNIST and its kin: a header of big-endian numbers, then unsigned bytes.
#ifndef LATHE_EVALUATORS_DATASETS_IDX_H_
#define LATHE_EVALUATORS_DATASETS_IDX_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"
#include "evaluators/datasets/input_file.h"

namespace lathe {

// Images are [examples, features], [examples, height, width] or [examples, channels, height,
// width], labels [examples]. `classes` is how many there are; 0: one more than the largest label.
// Data loss names file and place.
absl::StatusOr<Dataset> ParseIdx(const InputFile& images, const InputFile& labels,
                                 uint32_t classes = 0);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_IDX_H_
