// Lines that declare: input, hyper, state; and the types, numbers and ranges in them.
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dsl/parser.h"

namespace lathe {
namespace {

std::string SignatureInputs(const Signature& signature) {
  std::string names;
  for (const SignatureInput& input : signature.inputs) {
    absl::StrAppend(&names, names.empty() ? "" : " ", std::string(input.name), input.axes.Text());
  }
  return names;
}

}  // namespace

void Parser::ParseInputs() {
  Take();
  do {
    Token name = Take();
    std::optional<int> index = program_.signature->InputByName(name.text);
    if (!index) {
      Complain(DiagnosticKind::unknown_input, name,
               absl::StrCat("expected an input of the signature ",
                            std::string(program_.signature->name), ", found ", Describe(name),
                            "; it has: ", SignatureInputs(*program_.signature)));
      if (!Peek().Is('[') || !ParseType()) return;
      continue;
    }
    std::optional<AxisSet> type = ParseType();
    AxisSet expected = program_.signature->inputs[*index].axes;
    if (type && !(*type == expected)) {
      Complain(DiagnosticKind::wrong_input_type, name,
               absl::StrCat("the type of ", std::string(name.text), " is ", expected.Text(),
                            ", not ", type->Text()));
    }
    Define(name, Operand::Input(*index));
    if (!type) return;
  } while (Peek().kind != Token::Kind::kEnd);
}

std::optional<AxisSet> Parser::ParseType() {
  AxisSet axes;
  Token open = Peek();
  if (!Expect('[', "the name")) return std::nullopt;
  if (Peek().Is(']')) {
    Take();
    return axes;
  }
  if (!ParseAxisList(axes, ']')) return std::nullopt;
  if (axes.IsType()) return axes;
  Complain(DiagnosticKind::axis_needs_p, open,
           absl::StrCat("a value cannot have the type ", axes.Text(),
                        ": its axes need P, since they differ from parameter to parameter"));
  return std::nullopt;
}

bool Parser::ParseAxisList(AxisSet& axes, char end) {
  while (true) {
    Token name = Take();
    std::optional<Axis> axis =
        name.kind == Token::Kind::kName ? AxisByName(name.text) : std::nullopt;
    if (!axis || !program_.signature->axes.Has(*axis)) {
      Complain(DiagnosticKind::unknown_axis, name,
               absl::StrCat("expected an axis, one of ", program_.signature->axes.List(),
                            "; found ", Describe(name)));
      return false;
    }
    if (axes.Has(*axis)) {
      Complain(DiagnosticKind::axis_twice, name,
               absl::StrCat("the axis ", std::string(name.text),
                            " is named twice; every axis is named at most once"));
      return false;
    }
    axes = axes.With({*axis});
    if (Peek().Is(end)) {
      Take();
      return true;
    }
    Token comma = Take();
    if (comma.Is(',')) continue;
    Complain(DiagnosticKind::syntax, comma,
             absl::StrCat("expected \",\" or \"", std::string(1, end), "\" after an axis, found ",
                          Describe(comma)));
    return false;
  }
}

std::optional<double> Parser::ParseNumber() {
  Token token = Take();
  double value = 0;
  auto [end, error] =
      std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  bool whole = error == std::errc() && end == token.text.data() + token.text.size();
  if (token.kind != Token::Kind::kNumber || !whole || !std::isfinite(value) ||
      (value == 0 && std::signbit(value))) {
    Complain(DiagnosticKind::bad_number, token,
             absl::StrCat("expected a finite decimal number like 0.9 or 1e-08, not -0; found ",
                          Describe(token)));
    return std::nullopt;
  }
  return value;
}

void Parser::ParseHyper() {
  Take();
  std::optional<Token> name = ParseNewName();
  if (!name) return;
  Hyper hyper;
  hyper.name = name->text;
  bool good = Expect('=', "the name");
  Token place = Peek();
  if (good) {
    std::optional<double> value = ParseNumber();
    good = value.has_value();
    hyper.value = value.value_or(0);
  }
  if (good && Peek().IsName("in")) {
    Take();
    std::optional<Range> range = ParseRange();
    good = range.has_value();
    if (good) hyper.range = *range;
  }
  if (good && !hyper.range.Has(hyper.value)) {
    Complain(DiagnosticKind::out_of_range, place,
             absl::StrCat("the value ", NumberText(hyper.value), " of the hyper ", Describe(*name),
                          " is not in its range ", hyper.range.Text()));
    good = false;
  }
  good = good && ExpectEnd();
  if (program_.hypers.size() == kMaxHypers) {
    return Complain(DiagnosticKind::too_many, *name,
                    absl::StrCat("a program has at most ", kMaxHypers, " hypers"));
  }
  Define(*name, Operand::Hyper(static_cast<int>(program_.hypers.size())), !good);
  program_.hypers.push_back(hyper);
}

std::optional<double> Parser::ParseBound() {
  std::string_view text = Peek().text;
  bool infinite = text == "inf" || text == "-inf";
  if (!infinite) return ParseNumber();
  Take();
  return text == "inf" ? Range::kUnbounded : -Range::kUnbounded;
}

std::optional<Range> Parser::ParseRange() {
  Token open = Take();
  if (!open.Is('[') && !open.Is('(')) {
    Complain(DiagnosticKind::syntax, open,
             absl::StrCat("expected a range like [0, 1) or (0, inf) after \"in\", found ",
                          Describe(open)));
    return std::nullopt;
  }
  std::optional<double> low = ParseBound();
  if (!low || !Expect(',', "the lower bound")) return std::nullopt;
  std::optional<double> high = ParseBound();
  if (!high) return std::nullopt;
  Token close = Take();
  if (!close.Is(']') && !close.Is(')')) {
    Complain(
        DiagnosticKind::syntax, close,
        absl::StrCat("expected \"]\" or \")\" after the upper bound, found ", Describe(close)));
    return std::nullopt;
  }
  Range range{*low, *high, open.Is('['), close.Is(']')};
  bool closed_at_infinity =
      (range.low_included && std::isinf(*low)) || (range.high_included && std::isinf(*high));
  if (*low < *high && !closed_at_infinity) return range;
  Complain(DiagnosticKind::bad_range, open,
           absl::StrCat("the range ", range.Text(),
                        closed_at_infinity ? " includes an infinite bound; use ( or ) there"
                                           : " needs a lower bound below its upper bound"));
  return std::nullopt;
}

void Parser::ParseState() {
  const Token keyword = Take();
  if (!program_.signature->has_states) {
    return Complain(DiagnosticKind::no_states, keyword,
                    absl::StrCat("a ", std::string(program_.signature->name), " has no states"));
  }
  std::optional<Token> name = ParseNewName();
  if (!name) return;
  State state;
  state.name = name->text;
  std::optional<AxisSet> type = ParseType();
  bool good = type.has_value();
  if (good) state.axes = *type;
  good = good && Expect('=', "the type") && ParseStart(*name, state) && ExpectEnd();
  if (program_.states.size() == kMaxStates) {
    return Complain(DiagnosticKind::too_many, *name,
                    absl::StrCat("a program has at most ", kMaxStates, " states"));
  }
  Define(*name, Operand::State(static_cast<int>(program_.states.size())), !good);
  program_.states.push_back(state);
  next_set_.push_back(false);
  state_places_.push_back(*name);
  state_lines_.push_back(line_);
}

bool Parser::ParseStart(const Token& name, State& state) {
  if (Peek().kind != Token::Kind::kName) {
    std::optional<double> start = ParseNumber();
    state.start = start.value_or(0);
    return start.has_value();
  }
  Token start = Take();
  const SignatureInput& allowed = program_.signature->inputs[program_.signature->start_input];
  if (start.text == allowed.name && state.axes == allowed.axes) {
    state.start_from_input = true;
    return true;
  }
  Complain(DiagnosticKind::bad_start, start,
           absl::StrCat("the state ", std::string(name.text), state.axes.Text(),
                        " may start at a number",
                        state.axes == allowed.axes
                            ? absl::StrCat(" or at ", std::string(allowed.name))
                            : absl::StrCat("; only one of type ", allowed.axes.Text(),
                                           " may start at ", std::string(allowed.name)),
                        ", not at \"", std::string(start.text), "\""));
  return false;
}

}  // namespace lathe
