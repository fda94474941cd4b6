// A text, byte by byte.
#ifndef LATHE_EVALUATORS_DATASETS_TEXT_H_
#define LATHE_EVALUATORS_DATASETS_TEXT_H_

#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"
#include "evaluators/datasets/input_file.h"

namespace lathe {

// Its vocabulary is the bytes that it has. Data loss if these are fewer than two.
absl::StatusOr<Dataset> ParseText(const InputFile& file);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_TEXT_H_
