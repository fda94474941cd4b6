#include "evaluators/datasets/load_dataset.h"

#include <algorithm>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/datasets/digits.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/datasets/registered_model.h"

namespace lathe {

std::string InstalledDataDirectory() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "share" / "lathe" / "data").string();
}

absl::StatusOr<Dataset> LoadDataset(const std::string& directory, std::string_view name) {
  if (name == "digits") return LoadDigits(directory);
  return LoadRegistered(directory, std::string(name));
}

DatasetSurvey SurveyDatasets(const std::string& directory) {
  DatasetSurvey survey;
  const auto load = [&](const std::string& name) {
    const absl::StatusOr<Dataset> dataset = LoadDataset(directory, name);
    if (dataset.ok()) {
      survey.whole[name] = dataset->data;
    } else {
      survey.problems[name] = std::string(dataset.status().message());
    }
  };
  for (const auto& [name, data] : ShippedDatasets()) load(name);
  const absl::StatusOr<std::vector<std::string>> names = RegisteredNames(directory);
  const absl::StatusOr<std::vector<std::string>> models = RegisteredModelNames(directory);
  if (!names.ok() || !models.ok()) {
    const absl::Status& status = names.ok() ? models.status() : names.status();
    survey.problems["registered data"] = std::string(status.message());
    return survey;
  }
  for (const std::string& name : *names) {
    if (!ShippedDatasets().contains(name)) load(name);
  }
  for (const std::string& name : *models) {
    const absl::StatusOr<ModelFile> model = LoadRegisteredModel(directory, name);
    if (model.ok()) {
      survey.models[name] = model->model.description();
    } else {
      survey.problems[name] = std::string(model.status().message());
    }
  }
  return survey;
}

absl::StatusOr<TaskCatalog> CheckedCatalog(const std::string& directory,
                                           const std::vector<std::string>& names) {
  TaskCatalog catalog = DatasetCatalog();
  const absl::StatusOr<std::vector<std::string>> registered = RegisteredNames(directory);
  if (!registered.ok()) return registered.status();
  const absl::StatusOr<std::vector<std::string>> models = RegisteredModelNames(directory);
  if (!models.ok()) return models.status();
  const auto is_named = [&](const std::string& name) {
    return std::ranges::count(names, name) > 0;
  };
  for (const std::string& name : *registered) {
    if (is_named(name) && !ShippedDatasets().contains(name)) {
      const absl::StatusOr<Dataset> dataset = LoadRegistered(directory, name);
      if (!dataset.ok()) return dataset.status();
    }
    // One that is damaged is nobody's business until a job names it.
    const auto described = ReadRegistration(directory, name);
    if (described.ok()) catalog.datasets[name] = described->data();
  }
  for (const std::string& name : *models) {
    if (is_named(name)) {
      const absl::StatusOr<ModelFile> model = LoadRegisteredModel(directory, name);
      if (!model.ok()) return model.status();
    }
    const auto described = ReadModelRegistration(directory, name);
    if (described.ok()) catalog.models[name] = described->description();
  }
  for (const auto& [name, data] : ShippedDatasets()) catalog.datasets[name] = data;
  return catalog;
}

}  // namespace lathe
