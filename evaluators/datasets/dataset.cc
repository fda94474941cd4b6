#include "evaluators/datasets/dataset.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "dsl/hash.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

// Version of the content hash: of its fields and their order.
constexpr std::string_view kHashVersion = "lathe dataset 1";

static_assert(std::endian::native == std::endian::little, "content is hashed as it lies in memory");

template <typename Value>
std::string_view AsText(const std::vector<Value>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

// Of everything that a task could depend on.
std::string ContentHash(const Dataset& dataset) {
  FieldHasher hasher;
  hasher.Text(kHashVersion).Number(static_cast<uint64_t>(dataset.data.shape_size()));
  for (uint32_t extent : dataset.data.shape()) hasher.Number(extent);
  if (!IsText(dataset.data)) {
    hasher.Number(dataset.data.classes()).Number(dataset.reals.empty() ? dataset.max_value : 0);
  }
  hasher.Text(AsText(dataset.bytes)).Text(AsText(dataset.reals)).Text(AsText(dataset.classes));
  return hasher.Digest().Hex();
}

void CompleteText(Dataset& dataset) {
  std::array<bool, 256> seen = {};
  for (uint8_t byte : dataset.bytes) seen[byte] = true;
  dataset.vocabulary.clear();
  for (size_t byte = 0; byte < seen.size(); ++byte) {
    if (seen[byte]) dataset.vocabulary += static_cast<char>(byte);
  }
  dataset.data.set_examples(dataset.bytes.size());
  dataset.data.set_classes(static_cast<uint32_t>(dataset.vocabulary.size()));
}

absl::Status CheckClasses(const Dataset& dataset) {
  const uint32_t classes = dataset.data.classes();
  for (size_t i = 0; i < dataset.classes.size(); ++i) {
    if (dataset.classes[i] < classes) continue;
    return absl::DataLossError(absl::StrCat("example ", i, ": class ", dataset.classes[i],
                                            " is not allowed; allowed: 0 to ", classes - 1));
  }
  return absl::OkStatus();
}

absl::Status CheckValues(const Dataset& dataset) {
  const auto features = static_cast<uint64_t>(FeaturesOf(dataset.data));
  const std::vector<float>& reals = dataset.reals;
  const uint64_t values = reals.empty() ? dataset.bytes.size() : reals.size();
  if (values != features * dataset.classes.size()) {
    return absl::DataLossError(absl::StrCat(values, " features are not ", features, " for each of ",
                                            dataset.classes.size(), " classes"));
  }
  for (size_t i = 0; i < reals.size(); ++i) {
    if (std::isfinite(reals[i])) continue;
    return absl::DataLossError(absl::StrCat("example ", i / features, ", feature ", i % features,
                                            ": ", reals[i],
                                            " is not allowed; allowed: finite numbers"));
  }
  for (size_t i = 0; i < dataset.bytes.size(); ++i) {
    if (dataset.bytes[i] <= dataset.max_value) continue;
    return absl::DataLossError(absl::StrCat("example ", i / features, ", feature ", i % features,
                                            ": ", dataset.bytes[i],
                                            " is not allowed; allowed: 0 to ", dataset.max_value));
  }
  return absl::OkStatus();
}

absl::Status CompleteExamples(Dataset& dataset, uint32_t declared) {
  const std::vector<uint8_t>& classes = dataset.classes;
  dataset.data.set_examples(classes.size());
  const uint32_t least =
      classes.empty() ? 0 : *std::max_element(classes.begin(), classes.end()) + 1u;
  dataset.data.set_classes(declared == 0 ? least : declared);
  absl::Status status = CheckClasses(dataset);
  status.Update(CheckValues(dataset));
  return status;
}

}  // namespace

absl::Status CompleteDataset(Dataset& dataset, uint32_t declared) {
  if (IsText(dataset.data)) {
    CompleteText(dataset);
  } else if (absl::Status status = CompleteExamples(dataset, declared); !status.ok()) {
    return status;
  }
  dataset.data.set_content_hash(ContentHash(dataset));
  const absl::Status status = CheckDescription(dataset.data, "data");
  return status.ok() ? status : absl::DataLossError(status.message());
}

}  // namespace lathe
