#include "dsl/lexer.h"

#include <algorithm>
#include <array>

namespace lathe {
namespace {

constexpr std::array<std::string_view, 7> kKeywords = {"lathe", "input", "hyper", "state",
                                                       "next",  "in",    "over"};

// <cctype> asks the locale; these do not.
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool IsPunctuation(char c) {
  return std::string_view("=()[],").find(c) != std::string_view::npos;
}

size_t NumberLength(std::string_view rest) {
  size_t n = 1;
  while (n < rest.size()) {
    char c = rest[n], before = rest[n - 1];
    bool exponent_sign = (c == '+' || c == '-') && (before == 'e' || before == 'E');
    if (!IsDigit(c) && !IsLetter(c) && c != '.' && !exponent_sign) break;
    ++n;
  }
  return n;
}

size_t NameLength(std::string_view rest) {
  size_t n = 1;
  while (n < rest.size() && (IsDigit(rest[n]) || IsLetter(rest[n]))) ++n;
  while (n < rest.size() && rest[n] == '\'') ++n;  // of an axis
  return n;
}

Token NextToken(std::string_view rest) {
  char c = rest[0];
  if (IsLetter(c)) return {Token::Kind::kName, rest.substr(0, NameLength(rest))};
  if (rest.substr(0, 2) == "->") return {Token::Kind::kPunctuation, rest.substr(0, 2)};
  if (IsDigit(c) || c == '.' || c == '+' || c == '-') {
    return {Token::Kind::kNumber, rest.substr(0, NumberLength(rest))};
  }
  if (IsPunctuation(c)) return {Token::Kind::kPunctuation, rest.substr(0, 1)};
  return {Token::Kind::kUnexpected, rest.substr(0, 1)};
}

}  // namespace

bool IsKeyword(std::string_view word) {
  return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
}

bool IsIdentifier(std::string_view word) {
  if (word.empty() || word.size() > kMaxNameBytes || !(word[0] >= 'a' && word[0] <= 'z')) {
    return false;
  }
  return !IsKeyword(word) && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '_';
  });
}

std::vector<Token> TokenizeLine(std::string_view line) {
  std::vector<Token> tokens;
  size_t at = 0;
  while (true) {
    while (at < line.size() && IsSpace(line[at])) ++at;
    if (at == line.size() || line[at] == '#') break;
    Token token = NextToken(line.substr(at));
    token.column = static_cast<int>(at) + 1;
    at += token.text.size();
    tokens.push_back(token);
  }
  tokens.push_back({Token::Kind::kEnd, line.substr(at, 0), static_cast<int>(at) + 1});
  return tokens;
}

}  // namespace lathe
