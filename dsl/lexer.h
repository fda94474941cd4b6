// Cuts a line of program text into tokens.
#ifndef LATHE_DSL_LEXER_H_
#define LATHE_DSL_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace lathe {

struct Token {
  enum class Kind : uint8_t {
    kName,         // letters, digits and '_', starting with a letter or '_'; then primes
    kNumber,       // starts with a digit, '.', '+' or '-'
    kPunctuation,  // one of = ( ) [ ] , ->
    kUnexpected,   // one byte that no text has
    kEnd,          // of the line
  };
  Kind kind = Kind::kEnd;
  std::string_view text;  // a view of the line
  int column = 1;         // from 1, in bytes

  bool Is(char punctuation) const { return kind == Kind::kPunctuation && text[0] == punctuation; }
  bool IsArrow() const { return kind == Kind::kPunctuation && text == "->"; }
  bool IsName(std::string_view name) const { return kind == Kind::kName && text == name; }
};

// Whether `word` may name what a program defines: 1 to kMaxNameBytes of a-z, 0-9 and '_', starting
// with a letter, and no keyword.
inline constexpr size_t kMaxNameBytes = 64;
bool IsKeyword(std::string_view word);
bool IsIdentifier(std::string_view word);

// The tokens of one line without its newline, the last of them kEnd. '#' ends the line.
std::vector<Token> TokenizeLine(std::string_view line);

}  // namespace lathe

#endif  // LATHE_DSL_LEXER_H_
