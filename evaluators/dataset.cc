#include "evaluators/dataset.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "evaluators/gzip_file.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

// Pixels of digits.csv.gz, see data/README.md.
constexpr uint8_t kMaxPixel = 16;
// Longest text of one value with its separator; bounds what a damaged file makes us read.
constexpr size_t kMaxValueBytes = 4;
// How much of a wrong value a message shows.
constexpr size_t kShownBytes = 20;

std::optional<uint8_t> ParseValue(std::string_view text, int max_value) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || value < 0 || value > max_value) return std::nullopt;
  return static_cast<uint8_t>(value);
}

// Reads the rows of one file; every error names the line.
class RowParser {
 public:
  RowParser(const std::string& path, const DatasetInfo& info, Dataset& dataset)
      : path_(path), info_(info), dataset_(dataset) {}

  absl::Status ParseText(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      if (absl::Status status = ParseRow(text.substr(0, end)); !status.ok()) return status;
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (line_ == info_.examples) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat(path_, ": has ", line_, " rows; required: ", info_.examples));
  }

 private:
  absl::Status ParseRow(std::string_view row) {
    const int fields = 1 + static_cast<int>(std::count(row.begin(), row.end(), ','));
    if (fields != info_.features + 1) {
      return Wrong(absl::StrCat("has ", fields, " fields; required: ", info_.features,
                                " pixels and a class"));
    }
    for (int field = 1; field <= fields; ++field) {
      const size_t end = std::min(row.find(','), row.size());
      if (absl::Status status = ParseField(field, row.substr(0, end)); !status.ok()) return status;
      row.remove_prefix(std::min(end + 1, row.size()));
    }
    return absl::OkStatus();
  }

  absl::Status ParseField(int field, std::string_view text) {
    const bool is_class = field == info_.features + 1;
    const int max_value = is_class ? info_.classes - 1 : kMaxPixel;
    const std::optional<uint8_t> value = ParseValue(text, max_value);
    if (value) {
      dataset_.content.push_back(*value);
      return absl::OkStatus();
    }
    const std::string shown(text.substr(0, kShownBytes));
    return Wrong(absl::StrCat("field ", field, ": \"", absl::CHexEscape(shown), "\" is not a ",
                              is_class ? "class" : "pixel", "; allowed: 0 to ", max_value));
  }

  absl::Status Wrong(const std::string& what) const {
    return absl::DataLossError(absl::StrCat(path_, ":", line_, ": ", what));
  }

  const std::string& path_;
  const DatasetInfo& info_;
  Dataset& dataset_;
  int line_ = 0;
};

}  // namespace

Hash128 Dataset::ContentHash() const {
  return HashBytes({reinterpret_cast<const char*>(content.data()), content.size()});
}

absl::StatusOr<Dataset> LoadDataset(const std::string& directory, std::string_view name) {
  const DatasetInfo* info = DatasetByName(name);
  if (info == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("unknown dataset \"", std::string(name), "\""));
  }
  const std::string path = absl::StrCat(directory, "/", std::string(name), ".csv.gz");
  const size_t values = static_cast<size_t>(info->examples) * (info->features + 1);
  absl::StatusOr<std::string> text = ReadGzipFile(path, values * kMaxValueBytes);
  if (!text.ok()) return text.status();

  Dataset dataset{.features = info->features, .max_value = kMaxPixel, .content = {}};
  dataset.content.reserve(values);
  absl::Status status = RowParser(path, *info, dataset).ParseText(*text);
  if (!status.ok()) return status;
  const std::string hash = dataset.ContentHash().Hex();
  if (hash == info->content_hash) return dataset;
  return absl::DataLossError(absl::StrCat(path, ": content hash is ", hash,
                                          "; required: ", std::string(info->content_hash)));
}

}  // namespace lathe
