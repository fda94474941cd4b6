#include "evaluators/task/dataset_catalog.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr size_t kMaxNameBytes = 63, kHashDigits = 32;

DatasetCatalog MakeShipped() {
  v1::DatasetDescription digits;
  // Guards against data that differ from those an evaluation was recorded with.
  digits.set_content_hash("bda8267fc78a7c5b5eeec1e0241a6a7e");
  digits.set_examples(1797);
  for (uint32_t extent : {1, 8, 8}) digits.add_shape(extent);
  digits.set_classes(10);
  return {{"digits", digits}};
}

absl::Status Wrong(std::string_view place, std::string_view field, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(place), std::string(field), ": ", what));
}

absl::Status CheckShape(const v1::DatasetDescription& data, std::string_view place) {
  const int rank = data.shape_size();
  if (rank != 0 && rank != 1 && rank != 3) {
    return Wrong(place, ".shape",
                 absl::StrCat(rank, " extents are not allowed; allowed: [features], ",
                              "[channels, height, width] or none for text"));
  }
  int64_t features = 1;
  for (int i = 0; i < rank; ++i) {
    features *= std::min<int64_t>(data.shape(i), kMaxFeatures + 1);
    if (features >= 1 && features <= kMaxFeatures) continue;
    return Wrong(place, absl::StrCat(".shape[", i, "]"),
                 absl::StrCat(data.shape(i), " is not allowed; allowed: at least 1, and at most ",
                              kMaxFeatures, " features together"));
  }
  return absl::OkStatus();
}

}  // namespace

const DatasetCatalog& ShippedDatasets() {
  static const auto& shipped = *new DatasetCatalog(MakeShipped());
  return shipped;
}

bool IsDatasetName(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= kMaxNameBytes && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

bool IsContentHash(std::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsText(const v1::DatasetDescription& data) {
  return data.shape().empty();
}

int64_t FeaturesOf(const v1::DatasetDescription& data) {
  if (IsText(data)) return 0;
  int64_t features = 1;
  for (uint32_t extent : data.shape()) features *= extent;
  return features;
}

absl::Status CheckDescription(const v1::DatasetDescription& data, std::string_view place) {
  if (!IsContentHash(data.content_hash())) {
    return Wrong(place, ".content_hash", "32 hexadecimal digits, a to f small, are required");
  }
  if (absl::Status status = CheckExamples(data, place); !status.ok()) return status;
  if (data.classes() >= 2 && data.classes() <= kMaxClasses) return absl::OkStatus();
  return Wrong(place, ".classes",
               absl::StrCat(data.classes(), " is not allowed; allowed: 2 to ", kMaxClasses));
}

absl::Status CheckExamples(const v1::DatasetDescription& data, std::string_view place) {
  if (data.examples() >= 1 && data.examples() <= kMaxExamples) return CheckShape(data, place);
  return Wrong(place, ".examples",
               absl::StrCat(data.examples(), " is not allowed; allowed: 1 to ", kMaxExamples));
}

absl::Status UnknownDataset(std::string_view name, const DatasetCatalog& catalog) {
  std::string known;
  for (const auto& [other, data] : catalog) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", other);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "task.dataset: unknown dataset \"", absl::Utf8SafeCEscape(std::string(name)),
      "\"; known: ", known, "; `lathe data add` registers others in a worker's data directory"));
}

absl::StatusOr<v1::DatasetDescription> ResolveDescription(const std::string& name,
                                                          const v1::DatasetDescription& given,
                                                          const DatasetCatalog& catalog) {
  const auto known = catalog.find(name);
  if (given.ByteSizeLong() == 0) {
    if (known == catalog.end()) return UnknownDataset(name, catalog);
    return known->second;
  }
  if (known != catalog.end() && given.content_hash() == known->second.content_hash()) {
    v1::DatasetDescription only_hash;
    only_hash.set_content_hash(given.content_hash());
    if (MessageDifferencer::Equals(given, only_hash) ||
        MessageDifferencer::Equals(given, known->second)) {
      return known->second;
    }
    return Wrong("task.data", "",
                 absl::StrCat("is not what ", name,
                              " of that content is; required: ", known->second.ShortDebugString()));
  }
  const auto shipped = ShippedDatasets().find(name);
  if (shipped != ShippedDatasets().end()) {
    return Wrong(
        "task.data", ".content_hash",
        absl::StrCat("\"", absl::Utf8SafeCEscape(given.content_hash()), "\" is not the content of ",
                     name, "; required: ", shipped->second.content_hash()));
  }
  if (!IsDatasetName(name)) return UnknownDataset(name, catalog);
  if (absl::Status status = CheckDescription(given, "task.data"); !status.ok()) return status;
  return given;
}

bool TakesText(const v1::Task& task) {
  return task.has_transformer() ||
         task.torchscript().description().input() == v1::ModelDescription::TOKENS;
}

int64_t TokensPerExample(const v1::Task& task) {
  if (task.has_transformer()) return int64_t{task.transformer().context()} + 1;
  const v1::ModelDescription& model = task.torchscript().description();
  return model.shape().empty() ? 1 : int64_t{model.shape(0)} + 1;
}

uint64_t ExamplesOf(const v1::Task& task) {
  if (!IsText(task.data())) return task.data().examples();
  return task.data().examples() / static_cast<uint64_t>(TokensPerExample(task));
}

}  // namespace lathe
