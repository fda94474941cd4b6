#include "evaluators/datasets/registered.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "evaluators/datasets/durable_file.h"
#include "evaluators/datasets/input_file.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;
using v1::RegisteredDataset;

constexpr char kDescriptionFile[] = "dataset.textproto", kContentSuffix[] = ".data";
constexpr size_t kMaxDescriptionBytes = 1 << 16;

std::string DescriptionPath(const std::string& directory, const std::string& name) {
  return absl::StrCat(directory, "/", name, "/", kDescriptionFile);
}

std::string ContentPath(const std::string& directory, const std::string& name,
                        const v1::DatasetDescription& data) {
  return absl::StrCat(directory, "/", name, "/", data.content_hash(), kContentSuffix);
}

absl::Status Damaged(const std::string& path, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

// The first mistake of a text.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text.empty()) text = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  std::string text;
};

absl::Status CheckRegistration(const RegisteredDataset& described, const std::string& path) {
  const absl::Status status = CheckDescription(described.data(), path + ": data");
  if (!status.ok()) return absl::DataLossError(status.message());
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

absl::Status CheckName(const std::string& name) {
  if (!IsDatasetName(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not allowed; ", std::string(kDatasetNameRule)));
  }
  if (!ShippedDatasets().contains(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name,
                                                 " ships with every installation; take "
                                                 "another name"));
}

// What a replaced dataset or a crash has left; `kept` is the content that the description names.
void RemoveOthers(const fs::path& folder, const std::string& kept) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    const bool content = file.ends_with(kContentSuffix) && file != kept;
    if (content || file.ends_with(kPartialSuffix)) fs::remove(entry.path(), error);
  }
}

size_t ContentBytes(const RegisteredDataset& described) {
  const v1::DatasetDescription& data = described.data();
  if (described.values() == RegisteredDataset::TEXT) return data.examples();
  const size_t width = described.values() == RegisteredDataset::FLOAT32 ? sizeof(float) : 1;
  return data.examples() * (static_cast<size_t>(FeaturesOf(data)) * width + 1);
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
  std::ifstream file(path, std::ios::binary);
  if (!file) return Damaged(path, absl::StrCat("cannot be opened: ", std::strerror(errno)));
  std::error_code error;
  const size_t size = fs::file_size(path, error), required = ContentBytes(described);
  // Before anything is allocated for it.
  if (error || size != required) {
    return Damaged(
        path, error ? error.message() : absl::StrCat("has ", size, " bytes; required: ", required));
  }
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
  if (absl::Status status = CheckName(name); !status.ok()) return status;
  const std::string folder = absl::StrCat(directory, "/", name);
  const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Acquire(folder);
  if (!lock.ok()) return lock.status();
  const std::string path = DescriptionPath(directory, name);
  std::error_code error;
  if (!options.replace && fs::exists(path, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": is there already; --replace puts the new one in its place"));
  }
  const std::string content = ContentPath(directory, name, dataset.data);
  const std::string_view parts[] = {AsText(dataset.bytes), AsText(dataset.reals),
                                    AsText(dataset.classes)};
  if (absl::Status status = WriteDurably(content, parts); !status.ok()) return status;
  std::string text;
  TextFormat::PrintToString(Describe(dataset, options.source_format), &text);
  const std::string_view description[] = {text};
  // From here on it is registered.
  if (absl::Status status = WriteDurably(path, description); !status.ok()) return status;
  RemoveOthers(folder, fs::path(content).filename().string());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> RegisteredNames(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    std::error_code ignored;
    if (IsDatasetName(name) && fs::exists(DescriptionPath(directory, name), ignored)) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  if (!error || error == std::errc::no_such_file_or_directory) return names;
  return absl::UnavailableError(absl::StrCat(directory, ": cannot be read: ", error.message()));
}

absl::StatusOr<RegisteredDataset> ReadRegistration(const std::string& directory,
                                                   const std::string& name) {
  if (!IsDatasetName(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is no dataset; ", std::string(kDatasetNameRule)));
  }
  const std::string path = DescriptionPath(directory, name);
  const absl::StatusOr<InputFile> file = ReadInputFile(path, kMaxDescriptionBytes);
  if (!file.ok()) return file.status();
  RegisteredDataset described;
  FirstError error;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(file->bytes, &described)) {
    return absl::DataLossError(absl::StrCat(path, ":", error.text));
  }
  if (absl::Status status = CheckRegistration(described, path); !status.ok()) return status;
  return described;
}

absl::StatusOr<Dataset> LoadRegistered(const std::string& directory, const std::string& name) {
  const absl::StatusOr<RegisteredDataset> described = ReadRegistration(directory, name);
  if (!described.ok()) return described.status();
  const std::string path = ContentPath(directory, name, described->data());
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
