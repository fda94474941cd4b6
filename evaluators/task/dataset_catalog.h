// What is known of datasets, by name: those that ship and those that were registered somewhere. A
// resolved task carries the description of its own (`task.data`), so that nobody has to look it up
// again. model_catalog.h has the same for models.
#ifndef LATHE_EVALUATORS_TASK_DATASET_CATALOG_H_
#define LATHE_EVALUATORS_TASK_DATASET_CATALOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

using DatasetCatalog = std::map<std::string, v1::DatasetDescription, std::less<>>;

// What every installation has.
const DatasetCatalog& ShippedDatasets();

// Of a dataset that does not ship, and of a model: starts with a letter, then up to 62 of a-z, 0-9,
// _ and -.
bool IsDatasetName(std::string_view name);
inline constexpr std::string_view kDatasetNameRule =
    "a name is 1 to 63 of a-z, 0-9, _ and -, and starts with a letter";

// Far beyond what is useful; what is larger is a mistake.
inline constexpr int64_t kMaxFeatures = 1 << 20;
inline constexpr uint64_t kMaxExamples = 0x7fffffff;
inline constexpr uint32_t kMaxClasses = 256;

// What names content: 32 hexadecimal digits, small ones.
bool IsContentHash(std::string_view text);

bool IsText(const v1::DatasetDescription& data);
// Numbers in one example; 0 for text.
int64_t FeaturesOf(const v1::DatasetDescription& data);

// Invalid argument names the field below `place` and what is allowed.
absl::Status CheckDescription(const v1::DatasetDescription& data, std::string_view place);
// The same for what follows from the examples without their classes: how many, and their shape.
absl::Status CheckExamples(const v1::DatasetDescription& data, std::string_view place);

// Invalid argument: which datasets `catalog` knows and how one becomes known.
absl::Status UnknownDataset(std::string_view name, const DatasetCatalog& catalog);

// What `catalog` says of the dataset `name`, or `given` (of a task) if that is whole and
// contradicts nothing that is known. Empty: nothing is given.
absl::StatusOr<v1::DatasetDescription> ResolveDescription(const std::string& name,
                                                          const v1::DatasetDescription& given,
                                                          const DatasetCatalog& catalog);

// Whether the task's model reads text.
bool TakesText(const v1::Task& task);
// How many tokens an example of text has: those that are read and the last one to predict.
int64_t TokensPerExample(const v1::Task& task);
// How many examples the task's splits are drawn from.
uint64_t ExamplesOf(const v1::Task& task);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_DATASET_CATALOG_H_
