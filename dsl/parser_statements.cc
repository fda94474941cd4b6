// Lines that compute: NAME = op(...), OUTPUT = ..., next STATE = ...
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dsl/parser.h"
#include "dsl/wellformed.h"

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
        absl::StrCat(std::string(name.text), " says over which of the axes ",
                     program_.signature->axes.List(), " it goes, as in ", std::string(name.text),
                     program_.signature->axes.Has(Axis::kR) ? "(x over R,C)" : "(x over H,W)"));
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

// [R,C'] after an operand of an einsum: a label for each of its axes but P, in their order.
bool Parser::ParseLabels(AxisSet type, AxisLabels& labels) {
  const Token open = Peek();
  auto complain = [&](const Token& place) {
    Complain(
        DiagnosticKind::bad_einsum, place,
        absl::StrCat(
            "an operand of an einsum is followed by labels for its axes, here ",
            type.Without({Axis::kP}).Text(),
            type.Within(kParameterAxes).Empty() ? "" : " with up to two primes each, all different",
            "; found ", Describe(place)));
    return false;
  };
  if (!open.Is('[')) return complain(open);
  Take();
  AxisSet seen;
  bool good = true, first = true;
  ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) {
    if (!good) return;
    if (!first && !Peek().Is(',')) good = complain(Peek());
    if (!first && good) Take();
    first = false;
    if (!good) return;
    std::optional<Axis> label = AxisByName(Peek().text);
    for (int primes = 0; primes < 3; ++primes) {
      const AxisLabels tried = WithLabel(labels, axis, primes);
      if (label != LabelOf(axis, tried) || seen.Has(*label)) continue;
      labels = tried;
      seen = seen.With({*label});
      Take();
      return;
    }
    good = complain(Peek());
  });
  if (!good) return false;
  if (!Peek().Is(']')) return complain(Peek());
  Take();
  return true;
}

// -> [R,R'] after the operands of an einsum.
bool Parser::ParseKept(AxisSet& kept) {
  if (!Peek().IsArrow()) {
    Complain(DiagnosticKind::bad_einsum, Peek(),
             absl::StrCat("expected \"->\" and the axes that the result keeps after the operands, "
                          "as in einsum(a[R,C], b[R',C] -> [R,R']); found ",
                          Describe(Peek())));
    return false;
  }
  Take();
  if (!Expect('[', "\"->\"")) return false;
  if (Peek().Is(']')) {
    Take();
  } else if (!ParseAxisList(kept, ']')) {
    return false;
  }
  return Expect(')', "the axes of the result");
}

bool Parser::ParseOperands(const Token& name, Instruction& instruction,
                           std::array<AxisSet, kMaxArity>& types) {
  const bool labelled = Info(instruction.op).rule == TypeRule::contract;
  int arity = 0;
  bool more = !Peek().Is(')');
  while (more) {
    std::optional<Operand> operand = ParseAtom();
    if (!operand) return false;
    if (arity < kMaxArity) {
      instruction.operands[arity] = *operand;
      types[arity] = TypeOf(*operand);
    }
    AxisLabels of_too_many = 0;
    AxisLabels& labels = arity < 2 ? instruction.labels[arity] : of_too_many;
    if (labelled && !ParseLabels(TypeOf(*operand), labels)) return false;
    ++arity;
    more = Peek().Is(',');
    if (more) Take();
  }
  if (!Peek().Is(')') && !Peek().IsName("over") && !Peek().IsArrow()) {
    Complain(DiagnosticKind::syntax, Peek(),
             absl::StrCat("expected \",\" or \"", labelled ? "->" : ")",
                          "\" after an operand, found ", Describe(Peek())));
    return false;
  }
  if (arity == instruction.Arity()) return true;
  Complain(DiagnosticKind::wrong_arity, name,
           absl::StrCat(std::string(name.text), " takes ", instruction.Arity(),
                        instruction.Arity() == 1 ? " operand" : " operands", ", not ", arity));
  return false;
}

bool Parser::CheckAxes(const Token& name, const Instruction& instruction,
                       const std::array<AxisSet, kMaxArity>& types) {
  std::string problem = AxesProblem(*program_.signature, instruction, types);
  if (!problem.empty()) {
    Complain(DiagnosticKind::bad_einsum, name, std::move(problem));
    return false;
  }
  problem = BatchProblem(instruction, types);
  if (problem.empty()) return true;
  Complain(DiagnosticKind::across_batch, name, std::move(problem));
  return false;
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
  if (!ParseOperands(name, instruction, types)) return std::nullopt;
  const bool kept = Info(*op).rule == TypeRule::contract;
  if (!(kept ? ParseKept(instruction.over) : ParseOver(*op, name, instruction))) {
    return std::nullopt;
  }
  if (!CheckAxes(name, instruction, types)) return std::nullopt;
  if (program_.instructions.size() == kMaxInstructions) {
    Complain(DiagnosticKind::too_many, name,
             absl::StrCat("a program has at most ", kMaxInstructions, " instructions"));
    return std::nullopt;
  }
  types_.push_back(ResultType(*op, instruction.over, std::span(types).first(instruction.Arity())));
  program_.instructions.push_back(instruction);
  program_.instruction_names.resize(program_.instructions.size());
  const Token& first = tokens_[0];
  bool plain = !first.IsName("next") && !program_.signature->OutputByName(first.text);
  if (plain) program_.instruction_names.back() = first.text;
  return Operand::Instruction(static_cast<int>(program_.instructions.size()) - 1);
}

}  // namespace lathe
