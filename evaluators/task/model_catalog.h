// What is known of registered models, by name, as dataset_catalog.h has it of datasets. A resolved
// task carries the description of its own (`task.torchscript.description`).
#ifndef LATHE_EVALUATORS_TASK_MODEL_CATALOG_H_
#define LATHE_EVALUATORS_TASK_MODEL_CATALOG_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evaluators/task/dataset_catalog.h"
#include "lathe/v1/registered_model.pb.h"
#include "lathe/v1/task.pb.h"

namespace lathe {

using ModelCatalog = std::map<std::string, v1::ModelDescription, std::less<>>;

// What a task may name.
struct TaskCatalog {
  TaskCatalog(DatasetCatalog known_datasets, ModelCatalog known_models = {})  // NOLINT: converts
      : datasets(std::move(known_datasets)), models(std::move(known_models)) {}

  DatasetCatalog datasets;
  ModelCatalog models;
};

// What there is in one place: datasets and models that are whole, and why others are not, by name.
// No dataset has the name of a model.
struct DatasetSurvey {
  DatasetCatalog whole;
  ModelCatalog models = {};
  std::map<std::string, std::string, std::less<>> problems = {};

  TaskCatalog Catalog() const { return {whole, models}; }
};

// Far beyond what is useful; what is larger is a mistake.
inline constexpr int kMaxModelParameters = 4096;
inline constexpr uint32_t kMaxOutputs = 65536;

// Invalid argument names the field below `place` and what is allowed.
absl::Status CheckModelDescription(const v1::ModelDescription& model, std::string_view place);

// What `catalog` says of the model that `task.torchscript` names, or what the task itself says if
// that is whole and contradicts nothing that is known.
absl::StatusOr<v1::ModelDescription> ResolveModelDescription(const v1::TorchScript& model,
                                                             const ModelCatalog& catalog);

// Invalid argument unless the task's model, whose description is resolved, goes with its dataset.
absl::Status CheckModelTakesData(const v1::Task& task);

// "1x28x28"; "32 tokens".
std::string InputText(const v1::ModelDescription& model);

// "1x28x28" or "tokens:32". Invalid argument: what is allowed.
absl::StatusOr<v1::ModelExample> ParseInputText(std::string_view text);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TASK_MODEL_CATALOG_H_
