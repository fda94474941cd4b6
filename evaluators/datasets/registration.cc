#include "evaluators/datasets/registration.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "evaluators/datasets/durable_file.h"
#include "evaluators/datasets/input_file.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using google::protobuf::TextFormat;

// A model of many parameters says something of each.
constexpr size_t kMaxDescriptionBytes = 1 << 22;

// The first mistake of a text.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text.empty()) text = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  std::string text;
};

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

absl::Status CheckFree(const std::string& directory, const std::string& name,
                       const Registration& registration) {
  std::error_code error;
  for (const RegisteredKind* kind : {&kDatasetKind, &kModelKind}) {
    const std::string path = DescriptionPath(directory, name, *kind);
    if (!fs::exists(path, error)) continue;
    const bool same = std::string_view(kind->noun) == registration.kind.noun;
    if (same && registration.replace) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        path, same ? ": is there already; --replace puts the new one in its place"
                   : absl::StrCat(": the name is that of a ", kind->noun, "; take another one")));
  }
  return absl::OkStatus();
}

// What a replaced one or a crash has left; `kept` is the content that the description names.
void RemoveOthers(const fs::path& folder, const std::string& kept, const RegisteredKind& kind) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string file = it->path().filename().string();
    const bool content = file.ends_with(kind.content_suffix) && file != kept;
    std::error_code ignored;
    if (content || file.ends_with(kPartialSuffix)) fs::remove(it->path(), ignored);
  }
}

}  // namespace

std::string DescriptionPath(const std::string& directory, const std::string& name,
                            const RegisteredKind& kind) {
  return absl::StrCat(directory, "/", name, "/", kind.description_file);
}

std::string ContentPath(const std::string& directory, const std::string& name,
                        const RegisteredKind& kind, const std::string& content_hash) {
  return absl::StrCat(directory, "/", name, "/", content_hash, kind.content_suffix);
}

absl::Status Register(const std::string& directory, const std::string& name,
                      const Registration& registration) {
  if (absl::Status status = CheckName(name); !status.ok()) return status;
  const std::string folder = absl::StrCat(directory, "/", name);
  const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Acquire(folder);
  if (!lock.ok()) return lock.status();
  absl::Status status = CheckFree(directory, name, registration);
  if (!status.ok()) return status;
  const std::string content =
      ContentPath(directory, name, registration.kind, registration.content_hash);
  status = WriteDurably(content, registration.content);
  if (!status.ok()) return status;
  std::string text;
  TextFormat::PrintToString(registration.description, &text);
  const std::string_view description[] = {text};
  // From here on it is registered.
  status = WriteDurably(DescriptionPath(directory, name, registration.kind), description);
  if (!status.ok()) return status;
  RemoveOthers(folder, fs::path(content).filename().string(), registration.kind);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> NamesOf(const std::string& directory,
                                                 const RegisteredKind& kind) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    std::error_code ignored;
    if (IsDatasetName(name) && fs::exists(DescriptionPath(directory, name, kind), ignored)) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  if (!error || error == std::errc::no_such_file_or_directory) return names;
  return absl::UnavailableError(absl::StrCat(directory, ": cannot be read: ", error.message()));
}

absl::Status ReadDescription(const std::string& directory, const std::string& name,
                             const RegisteredKind& kind, google::protobuf::Message& message) {
  if (!IsDatasetName(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is no ", kind.noun, "; ", std::string(kDatasetNameRule)));
  }
  const std::string path = DescriptionPath(directory, name, kind);
  const absl::StatusOr<InputFile> file = ReadInputFile(path, kMaxDescriptionBytes);
  if (!file.ok()) return file.status();
  FirstError error;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(file->bytes, &message)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, ":", error.text));
}

}  // namespace lathe
