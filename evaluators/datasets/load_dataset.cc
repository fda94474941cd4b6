#include "evaluators/datasets/load_dataset.h"

#include <algorithm>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/datasets/digits.h"
#include "evaluators/datasets/registered.h"

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
  if (!names.ok()) {
    survey.problems["registered data"] = std::string(names.status().message());
    return survey;
  }
  for (const std::string& name : *names) {
    if (!ShippedDatasets().contains(name)) load(name);
  }
  return survey;
}

absl::StatusOr<DatasetCatalog> CheckedCatalog(const std::string& directory,
                                              const std::vector<std::string>& names) {
  DatasetCatalog catalog;
  const absl::StatusOr<std::vector<std::string>> registered = RegisteredNames(directory);
  if (!registered.ok()) return registered.status();
  for (const std::string& name : *registered) {
    // One that is damaged is nobody's business until a job names it.
    const auto described = ReadRegistration(directory, name);
    if (described.ok()) catalog[name] = described->data();
  }
  for (const std::string& name : names) {
    const bool here = std::find(registered->begin(), registered->end(), name) != registered->end();
    if (!here || ShippedDatasets().contains(name)) continue;
    const absl::StatusOr<Dataset> dataset = LoadRegistered(directory, name);
    if (!dataset.ok()) return dataset.status();
    catalog[name] = dataset->data;
  }
  for (const auto& [name, data] : ShippedDatasets()) catalog[name] = data;
  return catalog;
}

}  // namespace lathe
