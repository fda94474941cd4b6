// Datasets by name: those that ship and those that were registered in a data directory.
//
//   absl::StatusOr<Dataset> digits = LoadDataset("/usr/share/lathe/data", "digits");
#ifndef LATHE_EVALUATORS_DATASETS_LOAD_DATASET_H_
#define LATHE_EVALUATORS_DATASETS_LOAD_DATASET_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluators/datasets/dataset.h"
#include "evaluators/task/model_catalog.h"

namespace lathe {

// Where the datasets of an installation are: ../share/lathe/data from the running program.
std::string InstalledDataDirectory();

// Not found if it is not there, invalid argument for a name that no dataset may have, data loss for
// a damaged file, resource exhausted where there is not the memory for it: the message names the
// file and the place and says what is allowed there.
absl::StatusOr<Dataset> LoadDataset(const std::string& directory, std::string_view name);

// What ships and what is registered in a directory, as far as descriptions and the sizes of files
// tell; what ships is read, and so are the files of models. Values are checked by whoever loads
// them.
DatasetSurvey SurveyDatasets(const std::string& directory);

// What a job may name that runs on the data of `directory`: what ships and what is registered
// there. Those of `names`, of datasets and models, that are registered are read whole: data loss if
// one is damaged.
absl::StatusOr<TaskCatalog> CheckedCatalog(const std::string& directory,
                                           const std::vector<std::string>& names);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_LOAD_DATASET_H_
