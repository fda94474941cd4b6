// Source text that is written line by line, and the functions that it calls.
#ifndef LATHE_DSL_EXPORT_SOURCE_LINES_H_
#define LATHE_DSL_EXPORT_SOURCE_LINES_H_

#include <span>
#include <string>
#include <string_view>

namespace lathe {

class SourceLines {
 public:
  explicit SourceLines(int blanks_per_level) : blanks_(blanks_per_level) {}

  void Add(std::string_view line) {
    if (!line.empty()) text_.append(static_cast<size_t>(blanks_ * level_), ' ').append(line);
    text_ += '\n';
  }
  void In() { ++level_; }
  void Out() { --level_; }
  // Lines that have their indentation.
  void AddBlock(std::string_view lines) { text_ += lines; }
  int Column() const { return blanks_ * level_; }
  const std::string& Text() const { return text_; }

 private:
  const int blanks_;
  int level_ = 0;
  std::string text_;
};

// A line PREFIX ITEMS SUFFIX; if it is long, items in lines of their own, which are broken at ", ".
void AddWrapped(SourceLines& lines, const std::string& prefix, const std::string& items,
                const std::string& suffix);

// A function that source files define where they call it.
struct SourceFunction {
  std::string_view name;
  std::string_view text;
};

// Whether a text has this word.
bool HasWord(std::string_view text, std::string_view word);

// Whether a text has this word as a name of its own, not as a member or in quotes.
bool ReadsVariable(std::string_view text, std::string_view name);

// Those of `functions` that `source` calls, and those that these call, in order. A function is
// called by functions after it alone.
std::string FunctionsFor(std::string_view source, std::span<const SourceFunction> functions,
                         std::string_view between);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_SOURCE_LINES_H_
