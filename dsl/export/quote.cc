#include "dsl/export/quote.h"

#include <array>
#include <cstdint>

#include "absl/strings/str_replace.h"

namespace lathe {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: no UTF-8
};

// How many bytes a character has whose first byte this is, with the bits of it that count.
Character FirstByte(unsigned char byte) {
  if (byte < 0x80) return {byte, 1};
  if (byte >= 0xc2 && byte < 0xe0) return {byte & 0x1fu, 2};
  if (byte >= 0xe0 && byte < 0xf0) return {byte & 0x0fu, 3};
  if (byte >= 0xf0 && byte < 0xf5) return {byte & 0x07u, 4};
  return {};
}

Character NextCharacter(std::string_view text) {
  Character c = FirstByte(static_cast<unsigned char>(text[0]));
  if (c.bytes > text.size()) return {};
  for (size_t i = 1; i < c.bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    c.code = c.code << 6 | (byte & 0x3f);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool half_of_a_pair = c.code >= 0xd800 && c.code < 0xe000;
  if (c.code < kSmallest[c.bytes] || c.code > 0x10ffff || half_of_a_pair) return {};
  return c;
}

// Controls, separators of lines, marks of direction, invisible characters.
bool IsObeyed(uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  if (code == 0xad || code == 0x61c || code == 0xfeff) return true;
  if (code >= 0x200b && code <= 0x200f) return true;
  if (code >= 0x2028 && code <= 0x202e) return true;
  return (code >= 0x2060 && code <= 0x206f) || (code >= 0xfff9 && code <= 0xfffb) ||
         (code >= 0xe0000 && code <= 0xe007f);
}

std::string PlainLine(std::string_view line) {
  std::string plain;
  while (!line.empty()) {
    const Character c = NextCharacter(line);
    const std::string_view bytes = line.substr(0, c.bytes == 0 ? 1 : c.bytes);
    if (bytes == "\t") {
      plain += ' ';
    } else if (c.bytes == 0 || IsObeyed(c.code)) {
      plain += '?';
    } else {
      plain += bytes;
    }
    line.remove_prefix(bytes.size());
  }
  while (plain.ends_with(' ')) plain.pop_back();
  return plain;
}

// Calls add(line) for every line, made plain.
template <typename Add>
void ForEachPlainLine(std::string_view text, Add add) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  while (true) {
    const size_t end = text.find('\n');
    add(PlainLine(text.substr(0, end)));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string DocstringText(std::string_view text, std::string_view indent) {
  std::string lines;
  ForEachPlainLine(text, [&](const std::string& line) {
    if (!line.empty() && !lines.empty()) lines += indent;
    lines += absl::StrReplaceAll(line, {{"\\", "\\\\"}, {"\"", "\\\""}}) + "\n";
  });
  return lines;
}

std::string CppComment(std::string_view text, std::string_view indent) {
  std::string lines;
  ForEachPlainLine(text, [&](const std::string& line) {
    // A backslash, or its trigraph, at the end of a line would join the next one to the comment.
    std::string safe = absl::StrReplaceAll(line, {{"?\?/", "? ?/"}});
    if (safe.ends_with('\\')) safe += '.';
    lines += safe.empty() ? "//" : "// ";
    if (!safe.empty()) lines.append(indent).append(safe);
    lines += '\n';
  });
  return lines;
}

}  // namespace lathe
