#include "evaluators/datasets/cifar10.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr uint32_t kChannels = 3, kEdge = 32, kClasses = 10;
constexpr size_t kRecord = 1 + kChannels * kEdge * kEdge;

absl::Status AddRecords(const InputFile& file, Dataset& dataset) {
  const std::string& bytes = file.bytes;
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    return absl::DataLossError(absl::StrCat(file.path, ": has ", bytes.size(),
                                            " bytes; required: records of ", kRecord, " bytes, ",
                                            "a label and 3 x 32 x 32 pixels"));
  }
  dataset.classes.reserve(dataset.classes.size() + bytes.size() / kRecord);
  for (size_t begin = 0; begin < bytes.size(); begin += kRecord) {
    const auto label = static_cast<uint8_t>(bytes[begin]);
    if (label >= kClasses) {
      return absl::DataLossError(absl::StrCat(file.path, ": record ", begin / kRecord, " (byte ",
                                              begin, "): label ", label,
                                              " is not allowed; allowed: 0 to ", kClasses - 1));
    }
    dataset.classes.push_back(label);
    dataset.bytes.insert(dataset.bytes.end(), &bytes[begin] + 1, &bytes[begin] + kRecord);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> ParseCifar10(std::span<const InputFile> files) {
  Dataset dataset;
  for (uint32_t extent : {kChannels, kEdge, kEdge}) dataset.data.add_shape(extent);
  for (const InputFile& file : files) {
    if (absl::Status status = AddRecords(file, dataset); !status.ok()) return status;
  }
  if (absl::Status status = CompleteDataset(dataset, kClasses); !status.ok()) return status;
  return dataset;
}

}  // namespace lathe
