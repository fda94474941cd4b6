#include "evaluators/datasets/npz.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "evaluators/datasets/npy.h"
#include "evaluators/datasets/zip_archive.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

absl::Status Damaged(const std::string& place, const std::string& what) {
  return absl::DataLossError(absl::StrCat(place, ": ", what));
}

// "3, 5" of value 17 in rows of 4 and so on.
std::string IndexOf(const std::vector<uint64_t>& shape, size_t value) {
  std::vector<size_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0; value /= shape[i]) index[i] = value % shape[i];
  return absl::StrCat("[", absl::StrJoin(index, ", "), "]");
}

absl::Status AddFeatures(const NpyArray& array, const std::string& place, Dataset& dataset) {
  const std::vector<uint64_t>& shape = array.shape;
  if (shape.size() < 2 || shape.size() > 4) {
    return Damaged(place, absl::StrCat("a shape of (", absl::StrJoin(shape, ", "),
                                       ") is not allowed; allowed: (examples, features), "
                                       "(examples, height, width), (examples, channels, height, "
                                       "width)"));
  }
  if (shape.size() == 3) dataset.data.add_shape(1);  // one channel
  for (size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] < 1 || shape[i] > static_cast<uint64_t>(kMaxFeatures)) {
      return Damaged(place, absl::StrCat("an extent of ", shape[i],
                                         " is not allowed; allowed: 1 to ", kMaxFeatures));
    }
    dataset.data.add_shape(static_cast<uint32_t>(shape[i]));
  }
  dataset.reals.reserve(array.Count());
  for (size_t i = 0; i < array.Count(); ++i) {
    const double value = array.Real(i);
    dataset.reals.push_back(static_cast<float>(value));
    if (std::isfinite(dataset.reals.back())) continue;
    return Damaged(place, absl::StrCat(IndexOf(shape, i), ": ", value,
                                       " is not allowed; allowed: finite 32-bit floats"));
  }
  return absl::OkStatus();
}

absl::Status AddLabels(const NpyArray& array, const std::string& place, uint32_t classes,
                       Dataset& dataset) {
  if (array.IsFloat()) {
    return Damaged(place, "labels that are floats are not allowed; allowed: whole numbers");
  }
  if (array.shape.size() != 1) {
    return Damaged(place, absl::StrCat("a shape of (", absl::StrJoin(array.shape, ", "),
                                       ") is not allowed; allowed: (examples)"));
  }
  const int64_t most = (classes == 0 ? int64_t{kMaxClasses} : int64_t{classes}) - 1;
  dataset.classes.reserve(array.Count());
  for (size_t i = 0; i < array.Count(); ++i) {
    const int64_t label = array.Whole(i);
    if (label < 0 || label > most) {
      return Damaged(
          place, absl::StrCat("[", i, "]: label ", label, " is not allowed; allowed: 0 to ", most));
    }
    dataset.classes.push_back(static_cast<uint8_t>(label));
  }
  return absl::OkStatus();
}

struct NamedArray {
  std::string place;
  std::string bytes;
  NpyArray array;
};

absl::Status ReadArray(const InputFile& file, const std::string& key, size_t max_bytes,
                       NamedArray& read) {
  const std::string member = key + ".npy";
  absl::StatusOr<std::string> bytes = ReadZipMember(file, member, max_bytes);
  if (!bytes.ok()) return bytes.status();
  read.place = absl::StrCat(file.path, ": ", member);
  read.bytes = *std::move(bytes);
  const absl::StatusOr<NpyArray> array = ParseNpy(read.bytes, read.place);
  if (!array.ok()) return array.status();
  read.array = *array;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> ParseNpz(const InputFile& file, const NpzOptions& options) {
  NamedArray features, labels;
  absl::Status status = ReadArray(file, options.features_key, options.max_array_bytes, features);
  if (status.ok()) status = ReadArray(file, options.labels_key, options.max_array_bytes, labels);
  if (!status.ok()) return status;
  Dataset dataset;
  status = AddFeatures(features.array, features.place, dataset);
  if (status.ok()) status = AddLabels(labels.array, labels.place, options.classes, dataset);
  if (!status.ok()) return status;
  if (features.array.shape[0] != labels.array.shape[0]) {
    return Damaged(labels.place,
                   absl::StrCat("has ", labels.array.shape[0], " labels; ", options.features_key,
                                ".npy has ", features.array.shape[0], " examples"));
  }
  status = CompleteDataset(dataset, options.classes);
  if (status.ok()) return dataset;
  return Damaged(file.path, std::string(status.message()));
}

}  // namespace lathe
