// The parser's state while it reads a text; Parse() in text.h is the way in.
#ifndef LATHE_DSL_PARSER_H_
#define LATHE_DSL_PARSER_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/lexer.h"
#include "dsl/text.h"

namespace lathe {

// How a diagnostic names a token: its text in quotes, or "the end of the line".
std::string Describe(const Token& token);

// Thrown nowhere: a line that cannot be understood is given up by returning false or nullopt
// after a diagnostic, and parsing goes on with the next line.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  ParseResult Run();

 private:
  // What a name stands for. A name whose definition was wrong stays defined, so that one mistake
  // is not told again at every use.
  struct Meaning {
    Operand operand;
    bool broken = false;
  };

  // Lines.
  void ParseLine();
  bool ParseHeader();
  void ParseInputs();
  void ParseHyper();
  void ParseState();
  void ParseNext();
  void ParseStatement();
  void CheckComplete();

  // Parts of lines.
  std::optional<Operand> ParseExpression();
  std::optional<Operand> ParseCall(const Token& name);
  bool ParseOperands(const Token& name, Instruction& instruction,
                     std::array<AxisSet, kMaxArity>& types);
  bool ParseOver(Op op, const Token& name, Instruction& instruction);
  bool ParseLabels(AxisSet type, AxisLabels& labels);
  bool ParseKept(AxisSet& kept);
  bool CheckAxes(const Token& name, const Instruction& instruction,
                 const std::array<AxisSet, kMaxArity>& types);
  std::optional<Operand> ParseAtom();
  std::optional<AxisSet> ParseType();
  bool ParseAxisList(AxisSet& axes, char end);
  std::optional<double> ParseNumber();
  std::optional<Range> ParseRange();
  std::optional<double> ParseBound();
  bool ParseStart(const Token& name, State& state);
  std::optional<Token> ParseNewName();
  std::optional<Operand> Lookup(const Token& name);
  bool Fits(const Operand& value, AxisSet axes, const Token& place);

  // Tokens of the current line.
  const Token& Peek() const { return tokens_[at_]; }
  Token Take() { return tokens_[at_].kind == Token::Kind::kEnd ? tokens_[at_] : tokens_[at_++]; }
  bool Expect(char punctuation, std::string_view after);
  bool ExpectEnd();

  void Complain(DiagnosticKind kind, const Token& place, std::string message);
  void Define(const Token& name, Operand operand, bool broken = false);
  void DefineDespiteMistake();
  AxisSet TypeOf(const Operand& operand) const;

  std::string_view text_;
  int line_ = 0;
  std::vector<Token> tokens_;
  size_t at_ = 0;

  bool header_seen_ = false;
  Program program_;
  std::vector<AxisSet> types_;  // of the instructions
  std::map<std::string, Meaning, std::less<>> names_;
  std::vector<bool> output_set_, next_set_;
  std::vector<Token> state_places_;
  std::vector<int> state_lines_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace lathe

#endif  // LATHE_DSL_PARSER_H_
