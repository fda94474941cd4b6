// The dataset that ships: a text of rows of its own, see ../data/README.md.
#ifndef LATHE_EVALUATORS_DATASETS_DIGITS_H_
#define LATHE_EVALUATORS_DATASETS_DIGITS_H_

#include <string>

#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"

namespace lathe {

// Reads DIRECTORY/digits.csv.gz. Not found if there is no such file, data loss for a damaged one:
// the message names file, line and field and says what is allowed there.
absl::StatusOr<Dataset> LoadDigits(const std::string& directory);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_DIGITS_H_
