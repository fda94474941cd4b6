#include "rpc/utf8.h"

#include <cstdint>

namespace lathe {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "...";

// Bytes of the character that starts with this one; 0 if none does.
size_t LengthFrom(uint8_t first) {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;  // the middle of a character, or one in more bytes than it needs
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

// Whether the second byte can follow the first: no needless bytes, no half of a UTF-16 pair,
// nothing beyond U+10FFFF.
bool Follows(uint8_t first, uint8_t second) {
  if (first == 0xE0) return second >= 0xA0;
  if (first == 0xED) return second < 0xA0;
  if (first == 0xF0) return second >= 0x90;
  if (first == 0xF4) return second < 0x90;
  return true;
}

// Bytes of the character at the text's start; 0 if there is none.
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t length = LengthFrom(byte(0));
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length > 1 && !Follows(byte(0), byte(1)) ? 0 : length;
}

}  // namespace

std::string ValidUtf8(std::string_view text, size_t most) {
  std::string valid;
  size_t cut = 0;  // the longest part that leaves room for the ellipsis
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    valid += length == 0 ? kReplacement : text.substr(0, length);
    if (valid.size() > most) return valid.substr(0, cut).append(kEllipsis);
    if (valid.size() + kEllipsis.size() <= most) cut = valid.size();
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace lathe
