// lathe data add.
#include <cstdio>
#include <filesystem>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/data_commands.h"
#include "clients/cli/data_text.h"
#include "clients/report/json_text.h"
#include "evaluators/datasets/cifar10.h"
#include "evaluators/datasets/idx.h"
#include "evaluators/datasets/input_file.h"
#include "evaluators/datasets/npz.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/datasets/text.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

// Reading less than this takes no time that anybody would ask about.
constexpr uintmax_t kWorthTelling = uintmax_t{16} << 20;

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

absl::Status CheckOptions(const DataAddOptions& options) {
  const std::string format = "--format " + options.format;
  const bool idx = options.format == "idx", npz = options.format == "npz";
  if (!IsDatasetName(options.name)) {
    return Wrong(absl::StrCat("NAME: \"", options.name, "\" is not allowed; ",
                              std::string(kDatasetNameRule)));
  }
  if (idx && (options.images.empty() || options.labels.empty() || !options.files.empty())) {
    return Wrong(format + " takes --images FILE and --labels FILE, and no other files");
  }
  if (!idx && (!options.images.empty() || !options.labels.empty())) {
    return Wrong("--images and --labels go with --format idx");
  }
  if (options.format == "cifar10" && options.files.empty()) return Wrong(format + " takes FILE...");
  const bool model = options.format == "torchscript";
  if ((npz || model || options.format == "text") && options.files.size() != 1) {
    return Wrong(format + " takes one FILE");
  }
  if (!npz && (options.features_key != "x" || options.labels_key != "y")) {
    return Wrong("--features-key and --labels-key go with --format npz");
  }
  if (!model && !options.input.empty()) return Wrong("--input goes with --format torchscript");
  if (options.classes == 0 || idx || npz) return absl::OkStatus();
  return Wrong("--classes goes with --format idx and --format npz");
}

absl::StatusOr<InputFile> ReadTelling(const std::string& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size >= kWorthTelling) {
    std::fprintf(stderr, "lathe: reading %s, %ju MiB\n", path.c_str(), size >> 20);
  }
  return ReadInputFile(path);
}

absl::StatusOr<Dataset> ReadIdx(const DataAddOptions& options) {
  const absl::StatusOr<InputFile> images = ReadTelling(options.images);
  if (!images.ok()) return images.status();
  const absl::StatusOr<InputFile> labels = ReadTelling(options.labels);
  if (!labels.ok()) return labels.status();
  return ParseIdx(*images, *labels, options.classes);
}

absl::StatusOr<Dataset> ReadDataset(const DataAddOptions& options) {
  if (options.format == "idx") return ReadIdx(options);
  std::vector<InputFile> files;
  files.reserve(options.files.size());
  for (const std::string& path : options.files) {
    absl::StatusOr<InputFile> file = ReadTelling(path);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  if (options.format == "cifar10") return ParseCifar10(files);
  if (options.format == "text") return ParseText(files.front());
  NpzOptions npz;
  npz.features_key = options.features_key;
  npz.labels_key = options.labels_key;
  npz.classes = options.classes;
  return ParseNpz(files.front(), npz);
}

}  // namespace

absl::Status DataAdd(const DataAddOptions& options, bool json) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (options.format == "torchscript") return ModelAdd(options, json);
  const absl::StatusOr<Dataset> dataset = ReadDataset(options);
  if (!dataset.ok()) return dataset.status();
  const absl::Status status =
      RegisterDataset(options.directory, options.name, *dataset, {options.format, options.replace});
  if (!status.ok()) return status;
  if (json) {
    return PrintData(JsonText(DataJson(options.name, options.format, dataset->data)));
  }
  return PrintData(absl::StrCat(options.name, ": ", DataText(dataset->data), "; registered in ",
                                options.directory,
                                "; workers that run find it when they start "
                                "again\n"));
}

}  // namespace lathe
