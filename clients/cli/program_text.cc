#include "clients/cli/program_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dsl/lexer.h"

namespace lathe {
namespace {

constexpr size_t kKeywordWidth = 5;  // of input, hyper and state, which are followed by two blanks

// Joins the tokens of one line of a program that parses.
class LineLayout {
 public:
  explicit LineLayout(const std::vector<Token>& tokens) : tokens_(tokens) {}

  std::string Run() {
    for (at_ = 0; tokens_[at_].kind != Token::Kind::kEnd; ++at_) {
      if (at_ > 0) line_ += Gap();
      line_ += tokens_[at_].text;
      Track();
    }
    return line_;
  }

 private:
  // What the innermost bracket is around.
  enum class Inside : uint8_t { kNothing, kAxes, kRange, kCall };

  const Token& Before() const { return tokens_[at_ - 1]; }

  std::string Gap() const {
    const Token& token = tokens_[at_];
    if (at_ == 1 && IsDeclaration(Before())) {
      return std::string(kKeywordWidth + 2 - Before().text.size(), ' ');
    }
    if (token.Is(',') || token.Is(')') || token.Is(']')) return "";
    if (token.Is('(') || token.Is('[')) return OpensRange() || Before().IsArrow() ? " " : "";
    if (Before().Is('(') || Before().Is('[')) return "";
    if (Before().Is(',') && inside_ == Inside::kAxes) return "";
    return " ";
  }

  void Track() {
    const Token& token = tokens_[at_];
    if (token.Is('(') || token.Is('[')) {
      outside_ = inside_;
      inside_ = OpensRange() ? Inside::kRange : token.Is('[') ? Inside::kAxes : Inside::kCall;
    } else if (token.Is(')') || token.Is(']')) {
      inside_ = inside_ == Inside::kAxes ? outside_ : Inside::kNothing;
    } else if (token.IsName("over")) {
      inside_ = Inside::kAxes;
      outside_ = Inside::kNothing;
    }
  }

  bool OpensRange() const { return at_ > 0 && Before().IsName("in"); }
  static bool IsDeclaration(const Token& token) {
    return token.IsName("input") || token.IsName("hyper") || token.IsName("state");
  }

  const std::vector<Token>& tokens_;
  size_t at_ = 0;
  std::string line_;
  Inside inside_ = Inside::kNothing, outside_ = Inside::kNothing;
};

struct Line {
  std::string code, comment;  // without the blanks between them
};

Line ReadLine(std::string_view text) {
  const std::vector<Token> tokens = TokenizeLine(text);
  std::string comment(text.substr(static_cast<size_t>(tokens.back().column) - 1));
  comment.erase(comment.find_last_not_of(" \t\r") + 1);
  return {LineLayout(tokens).Run(), comment};
}

// Without empty lines at the ends and without two in a row.
std::vector<Line> ReadLines(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    Line line = ReadLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool empty = line.code.empty() && line.comment.empty();
    const bool wanted = !lines.empty() && !(lines.back().code + lines.back().comment).empty();
    if (!empty || wanted) lines.push_back(std::move(line));
  }
  if (!lines.empty() && lines.back().code.empty() && lines.back().comment.empty()) lines.pop_back();
  return lines;
}

bool EndsInComment(const Line& line) {
  return !line.code.empty() && !line.comment.empty();
}

// Of the widest code among the lines from `first` on that end in comments.
size_t BlockWidth(const std::vector<Line>& lines, size_t first) {
  size_t width = 0;
  for (size_t i = first; i < lines.size() && EndsInComment(lines[i]); ++i) {
    width = std::max(width, lines[i].code.size());
  }
  return width;
}

}  // namespace

std::string FormatProgramText(std::string_view text) {
  const std::vector<Line> lines = ReadLines(text);
  std::string formatted;
  size_t width = 0;  // of the block of lines that end in comments
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    std::string gap;
    if (EndsInComment(line)) {
      if (i == 0 || !EndsInComment(lines[i - 1])) width = BlockWidth(lines, i);
      gap.assign(width + 2 - line.code.size(), ' ');
    }
    absl::StrAppend(&formatted, line.code, gap, line.comment, "\n");
  }
  return formatted;
}

std::vector<NamedBuffer> NamedBuffers(const Program& program) {
  std::vector<NamedBuffer> named;
  for (const Buffer& buffer : Buffers(program)) {
    const auto at = static_cast<size_t>(buffer.instruction);
    std::string name =
        at < program.instruction_names.size() ? program.instruction_names[at] : std::string();
    for (size_t i = 0; i < program.outputs.size(); ++i) {
      if (!program.outputs[i].IsInstruction(buffer.instruction)) continue;
      name = program.signature->outputs[i].name;
    }
    for (const State& state : program.states) {
      if (name.empty() && state.next.IsInstruction(buffer.instruction)) name = "next " + state.name;
    }
    named.push_back({name, std::string(Info(program.instructions[at].op).name), buffer});
  }
  return named;
}

}  // namespace lathe
