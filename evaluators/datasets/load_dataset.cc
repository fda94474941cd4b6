#include "evaluators/datasets/load_dataset.h"

#include <algorithm>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/datasets/digits.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/datasets/registered_model.h"
#include "evaluators/datasets/without_exceptions.h"

namespace lathe {

std::string InstalledDataDirectory() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "share" / "lathe" / "data").string();
}

absl::StatusOr<Dataset> LoadDataset(const std::string& directory, std::string_view name) {
  absl::StatusOr<Dataset> dataset = WithoutExceptions([&] {
    return name == "digits" ? LoadDigits(directory) : LoadRegistered(directory, std::string(name));
  });
  if (!absl::IsResourceExhausted(dataset.status())) return dataset;
  return absl::ResourceExhaustedError(
      absl::StrCat(directory, ": ", std::string(name), ": ", dataset.status().message()));
}

namespace {

// Of one that ships, by reading it; of one that is registered, by its description and its size.
absl::StatusOr<v1::DatasetDescription> Described(const std::string& directory,
                                                 const std::string& name) {
  if (!ShippedDatasets().contains(name)) {
    const absl::StatusOr<v1::RegisteredDataset> registered = ProbeRegistration(directory, name);
    if (!registered.ok()) return registered.status();
    return registered->data();
  }
  const absl::StatusOr<Dataset> dataset = LoadDataset(directory, name);
  if (!dataset.ok()) return dataset.status();
  return dataset->data;
}

}  // namespace

DatasetSurvey SurveyDatasets(const std::string& directory) {
  DatasetSurvey survey;
  const auto note = [&](const std::string& name,
                        const absl::StatusOr<v1::DatasetDescription>& data) {
    if (data.ok()) {
      survey.whole[name] = *data;
    } else {
      survey.problems[name] = std::string(data.status().message());
    }
  };
  for (const auto& [name, data] : ShippedDatasets()) note(name, Described(directory, name));
  const absl::StatusOr<std::vector<std::string>> names = RegisteredNames(directory);
  const absl::StatusOr<std::vector<std::string>> models = RegisteredModelNames(directory);
  if (!names.ok() || !models.ok()) {
    const absl::Status& status = names.ok() ? models.status() : names.status();
    survey.problems["registered data"] = std::string(status.message());
    return survey;
  }
  for (const std::string& name : *names) {
    if (!ShippedDatasets().contains(name)) note(name, Described(directory, name));
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
      const absl::StatusOr<Dataset> dataset = LoadDataset(directory, name);
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
