// Lines that compute: NAME = op(...), OUTPUT = ..., next STATE = ...
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dsl/parser.h"

namespace lathe {
namespace {

template <typename Wanted>
std::string OpNames(Wanted wanted) {
  std::string names;
  for (Op op : AllOps()) {
    if (!wanted(op)) continue;
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(Info(op).name));
  }
  return names;
}

bool NamesAxes(Op op) {
  return Info(op).rule == TypeRule::reduce_over;
}

}  // namespace

void Parser::ParseNext() {
  Take();
  Token name = Take();
  auto found = names_.find(name.text);
  if (found == names_.end() || found->second.operand.kind != Operand::Kind::kState) {
    if (found != names_.end() && found->second.broken) return;
    return Complain(DiagnosticKind::not_a_state, name,
                    absl::StrCat("expected the name of a state that a \"state\" line above "
                                 "declares, found ",
                                 Describe(name)));
  }
  int state = found->second.operand.index;
  if (next_set_[state]) {
    return Complain(DiagnosticKind::next_twice, name,
                    absl::StrCat("the state ", Describe(name),
                                 " has its next value already; every state has one \"next\" line"));
  }
  next_set_[state] = true;
  if (!Expect('=', "the name")) return;
  std::optional<Operand> value = ParseExpression();
  if (!value || !ExpectEnd()) return;
  if (!found->second.broken && !Fits(*value, program_.states[state].axes, name)) return;
  program_.states[state].next = *value;
}

void Parser::ParseStatement() {
  std::optional<Token> name = ParseNewName();
  if (!name) return;
  std::optional<int> output = program_.signature->OutputByName(name->text);
  bool good = Expect('=', "the name");
  bool is_call = good && at_ + 1 < tokens_.size() && tokens_[at_ + 1].Is('(');
  std::optional<Operand> value = good ? ParseExpression() : std::nullopt;
  good = value.has_value() && ExpectEnd();
  if (good && !output && !is_call) {
    Complain(DiagnosticKind::alias, *name,
             absl::StrCat(Describe(*name),
                          " would only be another name for the value; "
                          "apply an op, as in add(a, b), or use the value itself"));
    good = false;
  }
  if (output) {
    output_set_[*output] = true;
    good = good && Fits(*value, program_.signature->outputs[*output].axes, *name);
    if (good) program_.outputs[*output] = *value;
  }
  Define(*name, value.value_or(Operand()), !good);
}

std::optional<Operand> Parser::ParseExpression() {
  if (Peek().kind == Token::Kind::kName && tokens_[at_ + 1].Is('(')) return ParseCall(Take());
  return ParseAtom();
}

std::optional<Operand> Parser::ParseAtom() {
  if (Peek().kind == Token::Kind::kName && tokens_[at_ + 1].Is('(')) {
    Complain(DiagnosticKind::syntax, Peek(),
             absl::StrCat("an operand is a name or a number; give ", std::string(Peek().text),
                          "(...) a line and a name of its own"));
    return std::nullopt;
  }
  if (Peek().kind == Token::Kind::kName && !Peek().IsName("over")) return Lookup(Take());
  if (Peek().kind == Token::Kind::kNumber) {
    std::optional<double> value = ParseNumber();
    if (!value) return std::nullopt;
    return Operand::Constant(*value);
  }
  Complain(DiagnosticKind::syntax, Peek(),
           absl::StrCat("expected a name or a number, found ", Describe(Peek())));
  return std::nullopt;
}

bool Parser::ParseOver(Op op, const Token& name, Instruction& instruction) {
  bool wanted = NamesAxes(op);
  if (!Peek().IsName("over")) {
    if (!wanted) return Expect(')', "the operands");
    Complain(
        DiagnosticKind::missing_over, Peek(),
        absl::StrCat(std::string(name.text), " says which of the axes P, R, C it removes, as in ",
                     std::string(name.text), "(x over R,C)"));
    return false;
  }
  if (!wanted) {
    Complain(DiagnosticKind::unexpected_over, Peek(),
             absl::StrCat(std::string(name.text),
                          " takes no \"over\"; these ops do: ", OpNames(NamesAxes)));
    return false;
  }
  Take();
  return ParseAxisList(instruction.over, ')');
}

std::optional<Operand> Parser::ParseCall(const Token& name) {
  std::optional<Op> op = OpByName(name.text);
  if (!op) {
    Complain(DiagnosticKind::unknown_op, name,
             absl::StrCat("unknown op ", Describe(name),
                          "; there are: ", OpNames([](Op) { return true; })));
    return std::nullopt;
  }
  Instruction instruction;
  instruction.op = *op;
  Take();  // the parenthesis that made this a call
  std::array<AxisSet, kMaxArity> types;
  int arity = 0;
  bool more = !Peek().Is(')');
  while (more) {
    std::optional<Operand> operand = ParseAtom();
    if (!operand) return std::nullopt;
    if (arity < kMaxArity) {
      instruction.operands[arity] = *operand;
      types[arity] = TypeOf(*operand);
    }
    ++arity;
    more = Peek().Is(',');
    if (more) Take();
  }
  if (!Peek().Is(')') && !Peek().IsName("over")) {
    Complain(DiagnosticKind::syntax, Peek(),
             absl::StrCat("expected \",\" or \")\" after an operand, found ", Describe(Peek())));
    return std::nullopt;
  }
  if (arity != instruction.Arity()) {
    Complain(DiagnosticKind::wrong_arity, name,
             absl::StrCat(std::string(name.text), " takes ", instruction.Arity(),
                          instruction.Arity() == 1 ? " operand" : " operands", ", not ", arity));
    return std::nullopt;
  }
  if (!ParseOver(*op, name, instruction)) return std::nullopt;
  if (program_.instructions.size() == kMaxInstructions) {
    Complain(DiagnosticKind::too_many, name,
             absl::StrCat("a program has at most ", kMaxInstructions, " instructions"));
    return std::nullopt;
  }
  types_.push_back(ResultType(*op, instruction.over, std::span(types).first(arity)));
  program_.instructions.push_back(instruction);
  program_.instruction_names.resize(program_.instructions.size());
  const Token& first = tokens_[0];
  bool plain = !first.IsName("next") && !program_.signature->OutputByName(first.text);
  if (plain) program_.instruction_names.back() = first.text;
  return Operand::Instruction(static_cast<int>(program_.instructions.size()) - 1);
}

}  // namespace lathe
