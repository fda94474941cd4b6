#include "evaluators/datasets/idx.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/task/dataset_catalog.h"

namespace lathe {
namespace {

constexpr uint8_t kUnsignedBytes = 0x08;
constexpr size_t kMagicBytes = 4, kExtentBytes = 4;

struct IdxArray {
  std::vector<uint32_t> extents;
  std::string_view values;
};

absl::Status Damaged(const InputFile& file, const std::string& what) {
  return absl::DataLossError(absl::StrCat(file.path, ": ", what));
}

std::string TypeName(uint8_t type) {
  switch (type) {
    case 0x09: return "signed bytes";
    case 0x0B: return "16-bit whole numbers";
    case 0x0C: return "32-bit whole numbers";
    case 0x0D: return "32-bit floats";
    case 0x0E: return "64-bit floats";
    default: return "unknown";
  }
}

uint8_t ByteAt(const InputFile& file, size_t place) {
  return static_cast<uint8_t>(file.bytes[place]);
}

absl::Status CheckMagic(const InputFile& file, size_t least, size_t most) {
  if (file.bytes.size() < kMagicBytes) {
    return Damaged(file, absl::StrCat("has ", file.bytes.size(), " bytes; an IDX file starts with ",
                                      kMagicBytes));
  }
  if (ByteAt(file, 0) != 0 || ByteAt(file, 1) != 0) {
    return Damaged(file, "is no IDX file: its first two bytes are not 0");
  }
  const uint8_t type = ByteAt(file, 2);
  if (type != kUnsignedBytes) {
    return Damaged(
        file, absl::StrCat("byte 2: values of type 0x", absl::Hex(type, absl::kZeroPad2), " (",
                           TypeName(type), ") are not allowed; allowed: 0x08 (unsigned bytes)"));
  }
  const size_t rank = ByteAt(file, 3);
  if (rank >= least && rank <= most) return absl::OkStatus();
  return Damaged(file, absl::StrCat("byte 3: ", rank, " dimensions are not allowed; allowed: ",
                                    least, least == most ? "" : absl::StrCat(" to ", most)));
}

// A file of `least` to `most` dimensions that has exactly the values that its header says.
absl::StatusOr<IdxArray> ParseArray(const InputFile& file, size_t least, size_t most) {
  if (absl::Status status = CheckMagic(file, least, most); !status.ok()) return status;
  const size_t rank = ByteAt(file, 3), header = kMagicBytes + rank * kExtentBytes;
  if (file.bytes.size() < header) {
    return Damaged(file,
                   absl::StrCat("has ", file.bytes.size(), " bytes; its header has ", header));
  }
  IdxArray array;
  array.extents.reserve(rank);
  uint64_t values = 1;
  for (size_t place = kMagicBytes; place < header; place += kExtentBytes) {
    uint32_t extent = 0;
    for (size_t i = 0; i < kExtentBytes; ++i) extent = extent << 8 | ByteAt(file, place + i);
    // A file has less than 2^63 bytes.
    if (extent == 0 || values > (uint64_t{1} << 63) / extent) {
      return Damaged(file, absl::StrCat("byte ", place, ": an extent of ", extent,
                                        " is not allowed; allowed: at least 1, and no more values "
                                        "together than the file has"));
    }
    values *= extent;
    array.extents.push_back(extent);
  }
  array.values = std::string_view(file.bytes).substr(header);
  if (array.values.size() == values) return array;
  return Damaged(file, absl::StrCat("has ", array.values.size(),
                                    " bytes after its header; required: ", values));
}

}  // namespace

absl::StatusOr<Dataset> ParseIdx(const InputFile& images, const InputFile& labels,
                                 uint32_t classes) {
  const absl::StatusOr<IdxArray> pixels = ParseArray(images, 2, 4);
  if (!pixels.ok()) return pixels.status();
  const absl::StatusOr<IdxArray> marks = ParseArray(labels, 1, 1);
  if (!marks.ok()) return marks.status();
  if (pixels->extents[0] != marks->extents[0]) {
    return Damaged(labels, absl::StrCat("has ", marks->extents[0], " labels; ", images.path,
                                        " has ", pixels->extents[0], " images"));
  }
  Dataset dataset;
  dataset.data.set_examples(pixels->extents[0]);
  if (pixels->extents.size() == 3) dataset.data.add_shape(1);  // one channel
  for (size_t i = 1; i < pixels->extents.size(); ++i) dataset.data.add_shape(pixels->extents[i]);
  absl::Status status = CheckExamples(dataset.data, "data");
  if (!status.ok()) return Damaged(images, std::string(status.message()));
  dataset.bytes.assign(pixels->values.begin(), pixels->values.end());
  dataset.classes.assign(marks->values.begin(), marks->values.end());
  // What is left to be wrong are classes: any byte may be a pixel.
  status = CompleteDataset(dataset, classes);
  if (status.ok()) return dataset;
  return Damaged(labels, std::string(status.message()));
}

}  // namespace lathe
