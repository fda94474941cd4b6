#include "evaluators/datasets/text.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lathe {

absl::StatusOr<Dataset> ParseText(const InputFile& file) {
  Dataset dataset;
  dataset.bytes.assign(file.bytes.begin(), file.bytes.end());
  const absl::Status status = CompleteDataset(dataset);
  if (status.ok()) return dataset;
  if (dataset.vocabulary.size() < 2) {
    return absl::DataLossError(absl::StrCat(file.path, ": has ", dataset.bytes.size(), " bytes, ",
                                            dataset.vocabulary.size(),
                                            " different ones; required: at least 2"));
  }
  return absl::DataLossError(absl::StrCat(file.path, ": ", status.message()));
}

}  // namespace lathe
