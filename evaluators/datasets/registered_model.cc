#include "evaluators/datasets/registered_model.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "dsl/hash.h"
#include "evaluators/datasets/registration.h"
#include "evaluators/datasets/without_exceptions.h"
#include "evaluators/task/model_catalog.h"

namespace lathe {
namespace {

// Version of the content hash: of its fields and their order.
constexpr std::string_view kHashVersion = "lathe model 1";

absl::Status Damaged(const std::string& path, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

// As it is: a gzip file is no model.
absl::StatusOr<std::string> ReadBytes(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return Damaged(path, absl::StrCat("cannot be opened: ", error.message()));
  if (size > kMaxModelBytes) {
    return Damaged(path, absl::StrCat("has ", size, " bytes; allowed: at most ", kMaxModelBytes));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Damaged(path, absl::StrCat("cannot be opened: ", std::strerror(errno)));
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  return file.good() ? absl::StatusOr<std::string>(std::move(bytes))
                     : Damaged(path, "cannot be read");
}

absl::StatusOr<ModelFile> Load(const std::string& directory, const std::string& name) {
  auto model = ReadModelRegistration(directory, name);
  if (!model.ok()) return model.status();
  const std::string& required = model->description().content_hash();
  std::string path = ContentPath(directory, name, kModelKind, required);
  absl::StatusOr<std::string> bytes = ReadBytes(path);
  if (!bytes.ok()) return bytes.status();
  const std::string hash = ModelContentHash(*bytes, model->description());
  if (hash != required) {
    return Damaged(path, absl::StrCat("content hash is ", hash, "; required: ", required));
  }
  return ModelFile{std::move(path), *std::move(bytes), *std::move(model)};
}

}  // namespace

std::string ModelContentHash(std::string_view file, const v1::ModelDescription& model) {
  FieldHasher hasher;
  hasher.Text(kHashVersion).Number(static_cast<uint64_t>(model.input()));
  hasher.Number(static_cast<uint64_t>(model.shape_size()));
  for (const uint32_t extent : model.shape()) hasher.Number(extent);
  return hasher.Text(file).Digest().Hex();
}

absl::Status RegisterModel(const std::string& directory, const std::string& name,
                           std::string_view file, const v1::RegisteredModel& model, bool replace) {
  const std::string_view parts[] = {file};
  return Register(directory, name,
                  {.kind = kModelKind,
                   .content_hash = model.description().content_hash(),
                   .content = parts,
                   .description = model,
                   .replace = replace});
}

absl::StatusOr<std::vector<std::string>> RegisteredModelNames(const std::string& directory) {
  return NamesOf(directory, kModelKind);
}

absl::StatusOr<v1::RegisteredModel> ReadModelRegistration(const std::string& directory,
                                                          const std::string& name) {
  v1::RegisteredModel model;
  absl::Status status = ReadDescription(directory, name, kModelKind, model);
  if (!status.ok()) return status;
  const std::string path = DescriptionPath(directory, name, kModelKind);
  status = CheckModelDescription(model.description(), path + ": description");
  if (!status.ok()) return absl::DataLossError(status.message());
  return model;
}

absl::StatusOr<ModelFile> LoadRegisteredModel(const std::string& directory,
                                              const std::string& name) {
  return WithoutExceptions([&] { return Load(directory, name); });
}

}  // namespace lathe
