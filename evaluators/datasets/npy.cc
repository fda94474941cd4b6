#include "evaluators/datasets/npy.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kShownBytes = 40;
constexpr size_t kMaxDimensions = 8;
// NumPy's own limit is about this; headers of plain arrays take 128 bytes.
constexpr size_t kMaxHeader = 1 << 16;

struct TypeRow {
  std::string_view descr;
  NpyType type;
  size_t bytes;
};
constexpr std::array<TypeRow, 5> kTypes = {{{"|u1", NpyType::kUint8, 1},
                                            {"<i4", NpyType::kInt32, 4},
                                            {"<i8", NpyType::kInt64, 8},
                                            {"<f4", NpyType::kFloat32, 4},
                                            {"<f8", NpyType::kFloat64, 8}}};
constexpr std::string_view kAllowedTypes = "|u1, <i4, <i8, <f4, <f8";

size_t BytesOf(NpyType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return row.bytes;
  }
  return 0;
}

// What a header says; absent: nothing yet.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<uint64_t>> shape;
};

// Reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. Every method takes what it
// names off the text, or fails and says what it has expected.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text), rest_(text) {}

  absl::StatusOr<Header> Parse() {
    if (!Take('{')) return Expected("{");
    while (!Take('}')) {
      if (absl::Status status = ParseEntry(); !status.ok()) return status;
      if (Take(',')) continue;
      if (!Take('}')) return Expected(", or }");
      break;
    }
    SkipBlanks();
    if (!rest_.empty()) return Expected("nothing more");
    if (!header_.descr) return Missing("descr");
    if (!header_.fortran_order) return Missing("fortran_order");
    if (!header_.shape) return Missing("shape");
    return header_;
  }

 private:
  void SkipBlanks() {
    while (!rest_.empty() && absl::ascii_isspace(static_cast<unsigned char>(rest_.front()))) {
      rest_.remove_prefix(1);
    }
  }

  bool Take(std::string_view token) {
    SkipBlanks();
    if (rest_.substr(0, token.size()) != token) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool Take(char token) { return Take(std::string_view(&token, 1)); }

  absl::Status Expected(std::string_view what) {
    SkipBlanks();
    const std::string shown(rest_.substr(0, kShownBytes));
    return absl::DataLossError(absl::StrCat("header, place ", text_.size() - rest_.size(),
                                            ": expected ", std::string(what), ", found \"",
                                            absl::CHexEscape(shown), "\""));
  }

  static absl::Status Missing(std::string_view key) {
    return absl::DataLossError(absl::StrCat("header: has no '", std::string(key), "'"));
  }

  std::optional<std::string> TakeString() {
    SkipBlanks();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  absl::Status ParseEntry() {
    const std::optional<std::string> key = TakeString();
    if (!key) return Expected("a key in quotes");
    if (!Take(':')) return Expected(":");
    if (*key == "descr" && !header_.descr) return ParseDescr();
    if (*key == "fortran_order" && !header_.fortran_order) return ParseOrder();
    if (*key == "shape" && !header_.shape) return ParseShape();
    return absl::DataLossError(
        absl::StrCat("header: the key '", absl::CHexEscape(key->substr(0, kShownBytes)),
                     "' is not allowed here; allowed once each: descr, fortran_order, shape"));
  }

  absl::Status ParseDescr() {
    header_.descr = TakeString();
    if (header_.descr) return absl::OkStatus();
    return Expected("a type in quotes (arrays of records are not read)");
  }

  absl::Status ParseOrder() {
    if (Take("False")) {
      header_.fortran_order = false;
    } else if (Take("True")) {
      header_.fortran_order = true;
    } else {
      return Expected("True or False");
    }
    return absl::OkStatus();
  }

  absl::Status ParseShape() {
    if (!Take('(')) return Expected("(");
    header_.shape.emplace();
    while (!Take(')')) {
      SkipBlanks();
      uint64_t extent = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc()) return Expected("an extent");
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      if (header_.shape->size() == kMaxDimensions) return Expected("at most 8 extents");
      header_.shape->push_back(extent);
      if (Take(',')) continue;
      if (!Take(')')) return Expected(", or )");
      break;
    }
    return absl::OkStatus();
  }

  const std::string_view text_;
  std::string_view rest_;
  Header header_;
};

// The header's text and what follows it.
struct Parts {
  std::string_view header, values;
};

absl::StatusOr<Parts> Split(std::string_view bytes) {
  const size_t magic = kMagic.size() + 2;
  if (bytes.size() < magic || bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::DataLossError("is no NPY array: does not start with \\x93NUMPY and a version");
  }
  const auto version = static_cast<uint8_t>(bytes[kMagic.size()]);
  if (version < 1 || version > 3) {
    return absl::DataLossError(
        absl::StrCat("NPY version ", version, " is not allowed; allowed: 1 to 3"));
  }
  const size_t length_bytes = version == 1 ? 2 : 4, begin = magic + length_bytes;
  uint32_t length = 0;
  if (bytes.size() >= begin) std::memcpy(&length, &bytes[magic], length_bytes);
  if (bytes.size() < begin || bytes.size() - begin < length) {
    return absl::DataLossError(
        absl::StrCat("is cut off in its header: has ", bytes.size(), " bytes"));
  }
  if (length > kMaxHeader) {
    return absl::DataLossError(absl::StrCat(
        "a header of ", length, " bytes is not allowed; allowed: at most ", kMaxHeader));
  }
  return Parts{bytes.substr(begin, length), bytes.substr(begin + length)};
}

const TypeRow* FindType(std::string_view descr) {
  if (descr == "<u1") descr = "|u1";
  for (const TypeRow& row : kTypes) {
    if (row.descr == descr) return &row;
  }
  return nullptr;
}

absl::Status WrongType(const std::string& descr) {
  const std::string_view why = descr.find('O') != std::string::npos ? " (Python objects)"
                               : descr.starts_with('>')             ? " (big-endian)"
                                                                    : "";
  return absl::DataLossError(
      absl::StrCat("values of type '", absl::CHexEscape(descr.substr(0, kShownBytes)), "'",
                   std::string(why), " are not allowed; allowed: ", std::string(kAllowedTypes)));
}

absl::StatusOr<NpyArray> Parse(std::string_view bytes) {
  const absl::StatusOr<Parts> parts = Split(bytes);
  if (!parts.ok()) return parts.status();
  const absl::StatusOr<Header> header = HeaderParser(parts->header).Parse();
  if (!header.ok()) return header.status();
  const TypeRow* type = FindType(*header->descr);
  if (type == nullptr) return WrongType(*header->descr);
  if (*header->fortran_order) {
    return absl::DataLossError("fortran_order True is not allowed; allowed: False (C order)");
  }
  uint64_t required = type->bytes;
  for (uint64_t extent : *header->shape) {
    if (__builtin_mul_overflow(required, extent, &required)) {
      return absl::DataLossError("header: the shape has more values than can be counted");
    }
  }
  if (parts->values.size() != required) {
    return absl::DataLossError(absl::StrCat("has ", parts->values.size(),
                                            " bytes after its header; required: ", required));
  }
  return NpyArray{type->type, *header->shape, parts->values};
}

template <typename Value>
Value ValueAt(std::string_view values, size_t i) {
  Value value;
  std::memcpy(&value, values.data() + i * sizeof value, sizeof value);
  return value;
}

}  // namespace

size_t NpyArray::Count() const {
  return values.size() / BytesOf(type);
}

int64_t NpyArray::Whole(size_t i) const {
  switch (type) {
    case NpyType::kUint8: return ValueAt<uint8_t>(values, i);
    case NpyType::kInt32: return ValueAt<int32_t>(values, i);
    case NpyType::kInt64: return ValueAt<int64_t>(values, i);
    case NpyType::kFloat32:
    case NpyType::kFloat64: break;
  }
  return 0;
}

double NpyArray::Real(size_t i) const {
  if (type == NpyType::kFloat32) return ValueAt<float>(values, i);
  if (type == NpyType::kFloat64) return ValueAt<double>(values, i);
  return static_cast<double>(Whole(i));
}

absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes, const std::string& place) {
  absl::StatusOr<NpyArray> array = Parse(bytes);
  if (array.ok()) return array;
  return absl::DataLossError(absl::StrCat(place, ": ", array.status().message()));
}

}  // namespace lathe
