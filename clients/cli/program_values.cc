#include "clients/cli/program_values.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "clients/cli/program_source.h"

namespace lathe {
namespace {

constexpr size_t kMaxJsonBytes = size_t{256} << 20;

std::optional<double> SpecialValue(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return kInfinity;
  if (text == "-Infinity") return -kInfinity;
  return std::nullopt;
}

// Nothing if it is no number; an error if it is one that a double cannot hold.
absl::StatusOr<std::optional<double>> NumberValue(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stopped == end) return value;
  if (error != std::errc::result_out_of_range || stopped != end) return SpecialValue(text);
  return absl::InvalidArgumentError("the number is beyond double precision");
}

// Takes the values out of a JSON text as it is read, so that no tree of it is ever built.
class ValueReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  // Values by entry of the outermost list; a lone number is an entry of its own.
  std::vector<std::vector<double>> entries;
  bool is_list = false;
  std::string problem;

  bool null() override { return Refuse("null"); }
  bool boolean(bool) override { return Refuse("true or false"); }
  bool number_integer(number_integer_t value) override { return Add(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Add(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& text) override {
    const std::optional<double> value = SpecialValue(text);
    return value ? Add(*value) : Refuse("other strings");
  }
  bool binary(binary_t&) override { return Refuse("binary"); }
  bool start_object(size_t) override { return Refuse("objects"); }
  bool key(string_t&) override { return false; }
  bool end_object() override { return false; }
  bool start_array(size_t) override {
    if (depth_ == 0) is_list = true;
    if (depth_ == 1) entries.emplace_back();
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::string text = error.what();
    problem = "is not JSON: " + text.substr(std::min(text.find("] ") + 2, text.size()));
    return false;
  }

 private:
  bool Add(double value) {
    if (depth_ < 2) entries.emplace_back();
    entries.back().push_back(value);
    return true;
  }

  bool Refuse(const std::string& what) {
    problem = absl::StrCat(
        "has ", what, "; allowed are lists of numbers, \"NaN\", \"Infinity\" and \"-Infinity\"");
    return false;
  }

  size_t depth_ = 0;
};

std::vector<double> Joined(const std::vector<std::vector<double>>& entries) {
  std::vector<double> all;
  for (const auto& entry : entries) all.insert(all.end(), entry.begin(), entry.end());
  return all;
}

std::string ShapeText(AxisSet type, const Shape& shape) {
  std::string text;
  ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) {
    absl::StrAppend(&text, text.empty() ? "" : "x", shape.Extent(axis));
  });
  return text.empty() ? "1" : text;
}

absl::Status Place(std::vector<std::vector<double>> entries, AxisSet type,
                   std::span<const Shape> shapes, std::vector<std::vector<double>>& values) {
  if (values.size() == 1) entries = {Joined(entries)};
  if (entries.size() != values.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the list has ", entries.size(),
                                                   " entries, for ", values.size(), " parameters"));
  }
  for (size_t p = 0; p < values.size(); ++p) {
    if (entries[p].size() == values[p].size()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(values.size() > 1 ? absl::StrCat("entry ", p, " has ") : "has ",
                     entries[p].size(), " values, not ", values[p].size(), ", as ", type.Text(),
                     " has over the shape ", ShapeText(type, shapes[p])));
  }
  values = std::move(entries);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadValues(const std::string& text, AxisSet type, std::span<const Shape> shapes,
                        std::vector<std::vector<double>>& values) {
  const absl::StatusOr<std::optional<double>> value = NumberValue(text);
  if (!value.ok()) return value.status();
  if (*value) {
    for (auto& list : values) std::fill(list.begin(), list.end(), **value);
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> json = ReadInput(text, kMaxJsonBytes);
  if (!json.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(json.status().message()), "; a value is a number or a JSON file"));
  }
  ValueReader reader;
  if (!nlohmann::json::sax_parse(*json, &reader)) {
    return absl::InvalidArgumentError(absl::StrCat(text, " ", reader.problem));
  }
  if (values.size() > 1 && !reader.is_list) {
    return absl::InvalidArgumentError(absl::StrCat(text,
                                                   " is a number, not a list with an entry "
                                                   "per parameter"));
  }
  return Place(std::move(reader.entries), type, shapes, values);
}

}  // namespace lathe
