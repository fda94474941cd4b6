// The binary version of CIFAR-10: records of a label and 32 x 32 pixels in three planes.
#ifndef LATHE_EVALUATORS_DATASETS_CIFAR10_H_
#define LATHE_EVALUATORS_DATASETS_CIFAR10_H_

#include <span>

#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"
#include "evaluators/datasets/input_file.h"

namespace lathe {

// The records of all files, one file after the other. Data loss names file and record.
absl::StatusOr<Dataset> ParseCifar10(std::span<const InputFile> files);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_CIFAR10_H_
