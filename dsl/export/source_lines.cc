#include "dsl/export/source_lines.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lathe {
namespace {

bool IsInWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Whether some occurrence of a word, between other characters, is what is looked for.
template <typename Accepts>
bool AnyWord(std::string_view text, std::string_view word, Accepts accepts) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const char before = at == 0 ? ' ' : text[at - 1], after = end < text.size() ? text[end] : ' ';
    if (!IsInWord(before) && !IsInWord(after) && accepts(before, after)) return true;
  }
  return false;
}

bool Calls(std::string_view text, std::string_view function) {
  return AnyWord(text, function,
                 [](char before, char after) { return before != '.' && after == '('; });
}

}  // namespace

bool HasWord(std::string_view text, std::string_view word) {
  return AnyWord(text, word, [](char, char) { return true; });
}

bool ReadsVariable(std::string_view text, std::string_view name) {
  return AnyWord(text, name, [](char before, char) { return before != '.' && before != '"'; });
}

void AddWrapped(SourceLines& lines, const std::string& prefix, const std::string& items,
                const std::string& suffix) {
  constexpr size_t kWidth = 100;
  const size_t column = static_cast<size_t>(lines.Column()) + prefix.size();
  if (column + items.size() + suffix.size() <= kWidth) return lines.Add(prefix + items + suffix);
  std::string line = prefix;
  const std::string blanks(prefix.size(), ' ');
  for (const absl::string_view piece : absl::StrSplit(items, ", ")) {
    const std::string word(piece);
    const bool first = line == prefix || line == blanks;
    if (!first && static_cast<size_t>(lines.Column()) + line.size() + word.size() + 4 > kWidth) {
      lines.Add(line + ",");
      line = blanks + word;
    } else {
      line += (first ? "" : ", ") + word;
    }
  }
  lines.Add(line + suffix);
}

std::string FunctionsFor(std::string_view source, std::span<const SourceFunction> functions,
                         std::string_view between) {
  std::string called(source), out;
  for (size_t i = functions.size(); i-- > 0;) {
    if (!Calls(called, functions[i].name)) continue;
    called += functions[i].text;
    out = absl::StrCat(std::string(functions[i].text), std::string(between), out);
  }
  return out;
}

}  // namespace lathe
