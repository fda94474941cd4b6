#include "evaluators/datasets/registered.h"

#include <google/protobuf/util/message_differencer.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "evaluators/datasets/registration.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using google::protobuf::util::MessageDifferencer;
using v1::RegisteredDataset;

absl::Status Damaged(const std::string& path, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

size_t ContentBytes(const RegisteredDataset& described) {
  const v1::DatasetDescription& data = described.data();
  if (described.values() == RegisteredDataset::TEXT) return data.examples();
  const size_t width = described.values() == RegisteredDataset::FLOAT32 ? sizeof(float) : 1;
  return data.examples() * (static_cast<size_t>(FeaturesOf(data)) * width + 1);
}

absl::Status CheckContentBytes(const RegisteredDataset& described, const std::string& place) {
  const size_t bytes = ContentBytes(described);
  if (bytes <= kMaxContentBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      place, ": ", bytes, " bytes of values are not allowed; allowed: ", kMaxContentBytes));
}

absl::Status CheckRegistration(const RegisteredDataset& described, const std::string& path) {
  const std::string place = path + ": data";
  absl::Status status = CheckDescription(described.data(), place);
  if (status.ok()) status = CheckContentBytes(described, place);
  if (!status.ok()) return absl::DataLossError(status.message());
  if (!described.source_format().empty() && !IsDatasetName(described.source_format())) {
    return Damaged(path, absl::StrCat("source_format: \"", absl::CEscape(described.source_format()),
                                      "\" is not allowed; ", std::string(kDatasetNameRule)));
  }
  const bool text = described.values() == RegisteredDataset::TEXT;
  if (described.values() == RegisteredDataset::VALUES_UNSPECIFIED ||
      text != IsText(described.data())) {
    return Damaged(path,
                   "values: UINT8 or FLOAT32 are allowed where data has a shape, TEXT where "
                   "it has none");
  }
  if (described.values() != RegisteredDataset::UINT8) return absl::OkStatus();
  if (described.max_value() >= 1 && described.max_value() <= 255) return absl::OkStatus();
  return Damaged(path, absl::StrCat("max_value: ", described.max_value(),
                                    " is not allowed; allowed: 1 to 255"));
}

RegisteredDataset::Values ValuesOf(const Dataset& dataset) {
  if (IsText(dataset.data)) return RegisteredDataset::TEXT;
  return dataset.reals.empty() ? RegisteredDataset::UINT8 : RegisteredDataset::FLOAT32;
}

RegisteredDataset Describe(const Dataset& dataset, const std::string& source_format) {
  RegisteredDataset described;
  *described.mutable_data() = dataset.data;
  described.set_values(ValuesOf(dataset));
  if (described.values() == RegisteredDataset::UINT8) described.set_max_value(dataset.max_value);
  described.set_source_format(source_format);
  return described;
}

template <typename Value>
std::string_view AsText(const std::vector<Value>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

absl::Status CheckContentSize(const std::string& path, const RegisteredDataset& described) {
  std::error_code error;
  const size_t size = fs::file_size(path, error), required = ContentBytes(described);
  if (error) return Damaged(path, absl::StrCat("cannot be opened: ", error.message()));
  if (size == required) return absl::OkStatus();
  return Damaged(path, absl::StrCat("has ", size, " bytes; required: ", required));
}

template <typename Value>
bool Read(std::ifstream& file, std::vector<Value>& values, size_t count) {
  values.resize(count);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(count * sizeof(Value)));
  return file.good();
}

absl::Status ReadContent(const std::string& path, const RegisteredDataset& described,
                         Dataset& dataset) {
  // Before anything is allocated for it.
  if (absl::Status status = CheckContentSize(path, described); !status.ok()) return status;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Damaged(path, absl::StrCat("cannot be opened: ", std::strerror(errno)));
  const size_t examples = described.data().examples();
  const size_t features = examples * static_cast<size_t>(FeaturesOf(described.data()));
  bool whole = false;
  switch (described.values()) {
    case RegisteredDataset::TEXT:
      return Read(file, dataset.bytes, examples) ? absl::OkStatus()
                                                 : Damaged(path, "cannot be read");
    case RegisteredDataset::FLOAT32: whole = Read(file, dataset.reals, features); break;
    default: whole = Read(file, dataset.bytes, features);
  }
  whole = whole && Read(file, dataset.classes, examples);
  return whole ? absl::OkStatus() : Damaged(path, "cannot be read");
}

}  // namespace

absl::Status RegisterDataset(const std::string& directory, const std::string& name,
                             const Dataset& dataset, const RegisterOptions& options) {
  const RegisteredDataset described = Describe(dataset, options.source_format);
  if (absl::Status status = CheckContentBytes(described, name); !status.ok()) return status;
  const std::string_view parts[] = {AsText(dataset.bytes), AsText(dataset.reals),
                                    AsText(dataset.classes)};
  return Register(directory, name,
                  {.kind = kDatasetKind,
                   .content_hash = dataset.data.content_hash(),
                   .content = parts,
                   .description = described,
                   .replace = options.replace});
}

absl::StatusOr<std::vector<std::string>> RegisteredNames(const std::string& directory) {
  return NamesOf(directory, kDatasetKind);
}

absl::StatusOr<RegisteredDataset> ReadRegistration(const std::string& directory,
                                                   const std::string& name) {
  RegisteredDataset described;
  absl::Status status = ReadDescription(directory, name, kDatasetKind, described);
  if (!status.ok()) return status;
  status = CheckRegistration(described, DescriptionPath(directory, name, kDatasetKind));
  if (!status.ok()) return status;
  return described;
}

absl::StatusOr<RegisteredDataset> ProbeRegistration(const std::string& directory,
                                                    const std::string& name) {
  absl::StatusOr<RegisteredDataset> described = ReadRegistration(directory, name);
  if (!described.ok()) return described;
  const std::string path =
      ContentPath(directory, name, kDatasetKind, described->data().content_hash());
  if (absl::Status status = CheckContentSize(path, *described); !status.ok()) return status;
  return described;
}

absl::StatusOr<Dataset> LoadRegistered(const std::string& directory, const std::string& name) {
  const absl::StatusOr<RegisteredDataset> described = ReadRegistration(directory, name);
  if (!described.ok()) return described.status();
  const std::string path =
      ContentPath(directory, name, kDatasetKind, described->data().content_hash());
  Dataset dataset;
  *dataset.data.mutable_shape() = described->data().shape();
  if (described->values() == RegisteredDataset::UINT8) {
    dataset.max_value = static_cast<uint8_t>(described->max_value());
  }
  absl::Status status = ReadContent(path, *described, dataset);
  if (!status.ok()) return status;
  status = CompleteDataset(dataset, described->data().classes());
  if (!status.ok()) return Damaged(path, std::string(status.message()));
  if (MessageDifferencer::Equals(dataset.data, described->data())) return dataset;
  return Damaged(path, absl::StrCat("content hash is ", dataset.data.content_hash(),
                                    "; required: ", described->data().content_hash()));
}

}  // namespace lathe
