#include "evaluators/datasets/digits.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dsl/hash.h"
#include "evaluators/datasets/input_file.h"
#include "evaluators/task/dataset_catalog.h"

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
  RowParser(const std::string& path, const v1::DatasetDescription& data,
            std::vector<uint8_t>& values)
      : path_(path),
        rows_(static_cast<int>(data.examples())),
        features_(static_cast<int>(FeaturesOf(data))),
        classes_(static_cast<int>(data.classes())),
        values_(values) {}

  absl::Status ParseText(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      if (absl::Status status = ParseRow(text.substr(0, end)); !status.ok()) return status;
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (line_ == rows_) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(path_, ": has ", line_, " rows; required: ", rows_));
  }

 private:
  absl::Status ParseRow(std::string_view row) {
    const int fields = 1 + static_cast<int>(std::count(row.begin(), row.end(), ','));
    if (fields != features_ + 1) {
      return Wrong(
          absl::StrCat("has ", fields, " fields; required: ", features_, " pixels and a class"));
    }
    for (int field = 1; field <= fields; ++field) {
      const size_t end = std::min(row.find(','), row.size());
      if (absl::Status status = ParseField(field, row.substr(0, end)); !status.ok()) return status;
      row.remove_prefix(std::min(end + 1, row.size()));
    }
    return absl::OkStatus();
  }

  absl::Status ParseField(int field, std::string_view text) {
    const bool is_class = field == features_ + 1;
    const int max_value = is_class ? classes_ - 1 : kMaxPixel;
    const std::optional<uint8_t> value = ParseValue(text, max_value);
    if (value) {
      values_.push_back(*value);
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
  const int rows_, features_, classes_;
  std::vector<uint8_t>& values_;
  int line_ = 0;
};

}  // namespace

absl::StatusOr<Dataset> LoadDigits(const std::string& directory) {
  const v1::DatasetDescription& data = ShippedDatasets().at("digits");
  const std::string path = directory + "/digits.csv.gz";
  const auto features = static_cast<size_t>(FeaturesOf(data));
  const size_t count = data.examples() * (features + 1);
  absl::StatusOr<std::string> text = ReadGzipFile(path, count * kMaxValueBytes);
  if (!text.ok()) return text.status();

  std::vector<uint8_t> values;  // a row is its pixels, then its class
  values.reserve(count);
  absl::Status status = RowParser(path, data, values).ParseText(*text);
  if (!status.ok()) return status;
  const std::string hash =
      HashBytes({reinterpret_cast<const char*>(values.data()), values.size()}).Hex();
  if (hash != data.content_hash()) {
    return absl::DataLossError(
        absl::StrCat(path, ": content hash is ", hash, "; required: ", data.content_hash()));
  }
  Dataset digits;
  digits.data = data;
  digits.max_value = kMaxPixel;
  digits.bytes.reserve(data.examples() * features);
  digits.classes.reserve(data.examples());
  for (auto row = values.begin(); row != values.end();
       row += static_cast<ptrdiff_t>(features) + 1) {
    digits.bytes.insert(digits.bytes.end(), row, row + static_cast<ptrdiff_t>(features));
    digits.classes.push_back(row[static_cast<ptrdiff_t>(features)]);
  }
  return digits;
}

}  // namespace lathe
