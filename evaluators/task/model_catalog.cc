#include "evaluators/task/model_catalog.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace lathe {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr char kPlace[] = "task.torchscript.description";
constexpr std::string_view kTokensPrefix = "tokens:";
constexpr size_t kMaxShownBytes = 64;
constexpr uint64_t kMaxElements = 0x7fffffff;  // of one parameter

absl::Status Wrong(std::string_view place, std::string_view field, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(place), std::string(field), ": ", what));
}

absl::Status CheckInput(const v1::ModelDescription& model, std::string_view place) {
  const int rank = model.shape_size();
  const bool tokens = model.input() == v1::ModelDescription::TOKENS;
  if (!tokens && model.input() != v1::ModelDescription::FLOATS) {
    return Wrong(place, ".input", "FLOATS or TOKENS is required");
  }
  if (tokens ? rank != 1 : rank != 1 && rank != 3) {
    return Wrong(place, ".shape",
                 absl::StrCat(rank, " extents are not allowed; allowed: [features] or [channels, ",
                              "height, width] for floats, [context] for tokens"));
  }
  int64_t numbers = 1;
  for (int i = 0; i < rank; ++i) {
    numbers *= std::min<int64_t>(model.shape(i), kMaxFeatures + 1);
    if (numbers >= 1 && numbers <= kMaxFeatures) continue;
    return Wrong(place, absl::StrCat(".shape[", i, "]"),
                 absl::StrCat(model.shape(i), " is not allowed; allowed: at least 1, and at most ",
                              kMaxFeatures, " numbers together"));
  }
  return absl::OkStatus();
}

absl::Status CheckParameters(const v1::ModelDescription& model, std::string_view place) {
  const int count = model.rows_size();
  if (count != model.columns_size() || count < 1 || count > kMaxModelParameters) {
    return Wrong(place, ".rows",
                 absl::StrCat(count, " rows and ", model.columns_size(),
                              " columns are not allowed; allowed: one of each for 1 to ",
                              kMaxModelParameters, " parameters"));
  }
  for (int i = 0; i < count; ++i) {
    const uint64_t elements = uint64_t{model.rows(i)} * model.columns(i);
    if (elements >= 1 && elements <= kMaxElements) continue;
    return Wrong(place, absl::StrCat(".rows[", i, "]"),
                 absl::StrCat(model.rows(i), " x ", model.columns(i),
                              " is not allowed; allowed: 1 to ", kMaxElements, " numbers"));
  }
  return absl::OkStatus();
}

absl::Status UnknownModel(const std::string& name, const ModelCatalog& catalog) {
  const std::string known = absl::StrJoin(
      catalog, ", ", [](std::string* text, const auto& entry) { text->append(entry.first); });
  return Wrong(
      "task.torchscript", ".name",
      absl::StrCat("unknown model \"", absl::Utf8SafeCEscape(name.substr(0, kMaxShownBytes)),
                   "\"; known: ", known.empty() ? "none" : known,
                   "; `lathe data add` registers models in a worker's data directory"));
}

}  // namespace

absl::Status CheckModelDescription(const v1::ModelDescription& model, std::string_view place) {
  if (!IsContentHash(model.content_hash())) {
    return Wrong(place, ".content_hash", "32 hexadecimal digits, a to f small, are required");
  }
  absl::Status status = CheckInput(model, place);
  status.Update(CheckParameters(model, place));
  if (!status.ok()) return status;
  if (model.outputs() < 2 || model.outputs() > kMaxOutputs) {
    return Wrong(place, ".outputs",
                 absl::StrCat(model.outputs(), " is not allowed; allowed: 2 to ", kMaxOutputs));
  }
  for (const double count : {model.multiply_adds(), model.activations()}) {
    if (std::isfinite(count) && count > 0) continue;
    return Wrong(place, "",
                 absl::StrCat("multiply_adds and activations: ", count,
                              " is not allowed; allowed: finite numbers above 0"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ModelDescription> ResolveModelDescription(const v1::TorchScript& model,
                                                             const ModelCatalog& catalog) {
  const v1::ModelDescription& given = model.description();
  if (!IsDatasetName(model.name())) return UnknownModel(model.name(), catalog);
  const auto known = catalog.find(model.name());
  if (given.ByteSizeLong() == 0) {
    if (known == catalog.end()) return UnknownModel(model.name(), catalog);
    return known->second;
  }
  if (known != catalog.end() && given.content_hash() == known->second.content_hash()) {
    v1::ModelDescription only_hash;
    only_hash.set_content_hash(given.content_hash());
    if (MessageDifferencer::Equals(given, only_hash) ||
        MessageDifferencer::Equals(given, known->second)) {
      return known->second;
    }
    return Wrong(kPlace, "",
                 absl::StrCat("is not what ", model.name(),
                              " of that content is; required: ", known->second.ShortDebugString()));
  }
  if (absl::Status status = CheckModelDescription(given, kPlace); !status.ok()) return status;
  return given;
}

absl::Status CheckModelTakesData(const v1::Task& task) {
  const v1::ModelDescription& model = task.torchscript().description();
  const v1::DatasetDescription& data = task.data();
  const bool tokens = model.input() == v1::ModelDescription::TOKENS;
  const bool same_shape = tokens ? IsText(data) : std::ranges::equal(model.shape(), data.shape());
  if (!same_shape) {
    return Wrong(
        "task.torchscript", ".name",
        absl::StrCat(task.torchscript().name(), " takes ", InputText(model), "; ", task.dataset(),
                     " has ", IsText(data) ? "text" : absl::StrJoin(data.shape(), "x")));
  }
  if (model.outputs() >= data.classes()) return absl::OkStatus();
  return Wrong("task.torchscript", ".name",
               absl::StrCat(task.torchscript().name(), " returns ", model.outputs(),
                            " numbers for ", data.classes(), tokens ? " tokens" : " classes",
                            " of ", task.dataset(), "; required: at least as many"));
}

std::string InputText(const v1::ModelDescription& model) {
  const std::string shape = absl::StrJoin(model.shape(), "x");
  return model.input() == v1::ModelDescription::TOKENS ? shape + " tokens" : shape;
}

absl::StatusOr<v1::ModelExample> ParseInputText(std::string_view text) {
  const std::string shown = absl::Utf8SafeCEscape(std::string(text.substr(0, kMaxShownBytes)));
  std::string_view shape = text;
  v1::ModelExample example;
  example.set_input(v1::ModelDescription::FLOATS);
  if (shape.starts_with(kTokensPrefix)) {
    example.set_input(v1::ModelDescription::TOKENS);
    shape.remove_prefix(kTokensPrefix.size());
  }
  bool right = true;
  for (const absl::string_view extent : absl::StrSplit(std::string(shape), 'x')) {
    uint32_t number = 0;
    right &= absl::SimpleAtoi(extent, &number) && number > 0;
    example.add_shape(number);
  }
  const int rank = example.shape_size();
  const bool tokens = example.input() == v1::ModelDescription::TOKENS;
  if (right && (rank == 1 || (rank == 3 && !tokens))) return example;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", shown, "\" is not what a model is given; allowed: FEATURES, ",
                   "CHANNELSxHEIGHTxWIDTH or tokens:CONTEXT, e.g. 64, 1x28x28, tokens:32"));
}

}  // namespace lathe
