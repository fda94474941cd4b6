#include "clients/job/source_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lathe {
namespace {

// Bytes of the UTF-8 character that `text` begins with; 0 if it begins with none. Overlong forms,
// surrogates and what lies beyond U+10FFFF are none. `text` is not empty.
size_t CharacterBytes(std::string_view text) {
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc0 || first > 0xf7 || text.size() < size) return 0;
  uint32_t code = first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kSmallest[size] || surrogate || code > 0x10ffff ? 0 : size;
}

bool IsControl(char c) {
  return static_cast<uint8_t>(c) < 0x20 || c == 0x7f;
}

bool IsForbidden(char c) {
  return IsControl(c) && c != '\t' && c != '\n' && c != '\r';
}

absl::Status ErrorAt(std::string_view text, size_t offset, const TextSource& source,
                     const std::string& problem) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t column = offset - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return absl::InvalidArgumentError(
      absl::StrCat(source.Place(static_cast<int>(line), static_cast<int>(column)), ": ", problem));
}

std::string Escaped(std::string_view character) {
  const char c = character[0];
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c == '"' || c == '\\') return std::string("\\") + c;
  if (IsControl(c)) return absl::StrFormat("\\x%02x", c);
  return std::string(character);
}

}  // namespace

std::string TextSource::Place(int line, int column) const {
  if (is_override) return "--set " + Printable(name, 120);
  return absl::StrCat(Printable(name, 4096), ":", line, ":", column);
}

std::string Printable(std::string_view text, size_t max_bytes) {
  std::string printable;
  while (!text.empty()) {
    const size_t size = CharacterBytes(text);
    const std::string piece = size > 0 ? Escaped(text.substr(0, size))
                                       : absl::StrFormat("\\x%02x", static_cast<uint8_t>(text[0]));
    if (printable.size() + piece.size() > max_bytes) return printable + "...";
    printable += piece;
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return printable;
}

absl::Status CheckText(std::string_view text, const TextSource& source) {
  if (text.size() > kMaxTextBytes) {
    return ErrorAt(text, 0, source, "larger than 1 MiB");
  }
  for (size_t i = 0; i < text.size();) {
    const size_t size = CharacterBytes(text.substr(i));
    if (size == 0) {
      return ErrorAt(text, i, source,
                     absl::StrFormat("not UTF-8 text: byte 0x%02x", static_cast<uint8_t>(text[i])));
    }
    if (IsForbidden(text[i])) {
      return ErrorAt(text, i, source,
                     absl::StrFormat("control character 0x%02x is not allowed", text[i]));
    }
    i += size;
  }
  return absl::OkStatus();
}

}  // namespace lathe
