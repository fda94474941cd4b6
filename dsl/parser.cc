#include "dsl/parser.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr size_t kMaxTextBytes = 1 << 20;
constexpr size_t kMaxDiagnostics = 20;

// A message shows no more of a token than a reader takes in.
constexpr size_t kMaxShownBytes = 80;

std::string Quoted(std::string_view text) {
  std::string dots = text.size() > kMaxShownBytes ? "..." : "";
  return "\"" + std::string(text.substr(0, kMaxShownBytes)) + dots + "\"";
}

template <typename Rows>
std::string NamesOf(const Rows& rows) {
  std::string names;
  for (const auto& row : rows)
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(row.name));
  return names;
}

}  // namespace

std::string Describe(const Token& token) {
  return token.kind == Token::Kind::kEnd ? "the end of the line" : Quoted(token.text);
}

std::string_view KindName(DiagnosticKind kind) {
  static constexpr std::string_view kNames[] = {
#define LATHE_DIAGNOSTIC(name) #name,
#include "dsl/diagnostics.def"
  };
  return kNames[static_cast<size_t>(kind)];
}

ParseResult Parse(std::string_view text) {
  return Parser(text).Run();
}

std::string RenderDiagnostics(const std::vector<Diagnostic>& diagnostics, std::string_view file) {
  std::string lines;
  for (const Diagnostic& diagnostic : diagnostics) {
    absl::StrAppend(&lines, lines.empty() ? "" : "\n", std::string(file), ":", diagnostic.line, ":",
                    diagnostic.column, ": ", diagnostic.message);
  }
  return lines;
}

absl::StatusOr<Program> ParseOrStatus(std::string_view text, std::string_view file) {
  ParseResult result = Parse(text);
  if (result.program) return *std::move(result.program);
  return absl::InvalidArgumentError(RenderDiagnostics(result.diagnostics, file));
}

void Parser::Complain(DiagnosticKind kind, const Token& place, std::string message) {
  if (diagnostics_.size() == kMaxDiagnostics) return;
  // A limit is passed once, not again by every line beyond it.
  if (kind == DiagnosticKind::too_many) {
    for (const Diagnostic& told : diagnostics_) {
      if (told.message == message) return;
    }
  }
  diagnostics_.push_back({kind, std::max(line_, 1), place.column, std::move(message)});
}

ParseResult Parser::Run() {
  if (text_.size() > kMaxTextBytes) {
    Complain(DiagnosticKind::text_too_long, {},
             absl::StrCat("the text has ", text_.size(), " bytes, at most ", kMaxTextBytes,
                          " are allowed"));
    return {std::nullopt, diagnostics_};
  }
  std::string_view rest = text_;
  while (!rest.empty() && diagnostics_.size() < kMaxDiagnostics) {
    size_t end = std::min(rest.find('\n'), rest.size());
    tokens_ = TokenizeLine(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    at_ = 0;
    ++line_;
    if (Peek().kind == Token::Kind::kEnd) continue;
    size_t told = diagnostics_.size();
    ParseLine();
    if (!header_seen_) break;  // without a header nothing means anything
    if (diagnostics_.size() > told) DefineDespiteMistake();
  }
  if (!header_seen_ && diagnostics_.empty()) {
    Complain(DiagnosticKind::missing_header, {},
             "the text is empty; it starts with: lathe 1 SIGNATURE NAME");
  }
  if (diagnostics_.empty()) CheckComplete();
  if (!diagnostics_.empty()) return {std::nullopt, diagnostics_};
  return {std::move(program_), {}};
}

void Parser::ParseLine() {
  for (const Token& token : tokens_) {
    if (token.kind != Token::Kind::kUnexpected) continue;
    int byte = static_cast<unsigned char>(token.text[0]);
    std::string shown = byte > 32 && byte < 127 ? Quoted(token.text) : absl::StrCat("byte ", byte);
    return Complain(DiagnosticKind::unexpected_character, token,
                    shown +
                        " cannot stand here; allowed are names, numbers and = ( ) [ ] , -> #; "
                        "arithmetic is written as calls, as in mul(a, b)");
  }
  if (!header_seen_) {
    header_seen_ = ParseHeader();
    return;
  }
  if (Peek().IsName("input")) return ParseInputs();
  if (Peek().IsName("hyper")) return ParseHyper();
  if (Peek().IsName("state")) return ParseState();
  if (Peek().IsName("next")) return ParseNext();
  ParseStatement();
}

bool Parser::ParseHeader() {
  Token first = Take();
  if (!first.IsName("lathe")) {
    Complain(
        DiagnosticKind::missing_header, first,
        absl::StrCat("expected the header \"lathe 1 SIGNATURE NAME\", found ", Describe(first)));
    return false;
  }
  Token version = Take();
  if (version.text != std::to_string(kLanguageVersion)) {
    Complain(DiagnosticKind::unknown_version, version,
             absl::StrCat("expected the version of the language, ", kLanguageVersion, ", found ",
                          Describe(version)));
    return false;
  }
  Token signature = Take();
  const Signature* row = SignatureByName(signature.text);
  if (row == nullptr) {
    Complain(DiagnosticKind::unknown_signature, signature,
             absl::StrCat("expected a signature, one of: ", NamesOf(AllSignatures()), "; found ",
                          Describe(signature)));
    return false;
  }
  std::optional<Token> name = ParseNewName();
  if (!name || !ExpectEnd()) return false;
  program_.signature = row;
  program_.name = name->text;
  program_.outputs.resize(row->outputs.size());
  output_set_.resize(row->outputs.size());
  return true;
}

void Parser::CheckComplete() {
  Token end;
  for (size_t i = 0; i < output_set_.size(); ++i) {
    if (output_set_[i]) continue;
    Complain(DiagnosticKind::missing_output, end,
             absl::StrCat("the program ends without \"",
                          std::string(program_.signature->outputs[i].name), " = ...\""));
  }
  for (size_t i = 0; i < next_set_.size(); ++i) {
    if (next_set_[i]) continue;
    line_ = state_lines_[i];
    Complain(DiagnosticKind::missing_next, state_places_[i],
             absl::StrCat("the state has no \"next ", program_.states[i].name, " = ...\""));
  }
}

bool Parser::Expect(char punctuation, std::string_view after) {
  Token token = Take();
  if (token.Is(punctuation)) return true;
  Complain(DiagnosticKind::syntax, token,
           absl::StrCat("expected \"", std::string(1, punctuation), "\" after ", std::string(after),
                        ", found ", Describe(token)));
  return false;
}

bool Parser::ExpectEnd() {
  if (Peek().kind == Token::Kind::kEnd) return true;
  bool sign = Peek().text[0] == '+' || Peek().text[0] == '-';
  Complain(DiagnosticKind::syntax, Peek(),
           absl::StrCat("expected the end of the line, found ", Describe(Peek()),
                        sign ? "; arithmetic is written as calls, as in add(a, b)" : ""));
  return false;
}

std::optional<Token> Parser::ParseNewName() {
  Token name = Take();
  if (name.kind == Token::Kind::kName && IsIdentifier(name.text)) return name;
  Complain(DiagnosticKind::bad_name, name,
           absl::StrCat("expected a name, found ", Describe(name),
                        IsKeyword(name.text)
                            ? ", which is a keyword"
                            : absl::StrCat("; a name is 1 to ", kMaxNameBytes,
                                           " of a-z, 0-9 and _ and starts with a letter")));
  return std::nullopt;
}

void Parser::Define(const Token& name, Operand operand, bool broken) {
  if (program_.signature->InputByName(name.text) && operand.kind != Operand::Kind::kInput) {
    return Complain(DiagnosticKind::name_taken, name,
                    absl::StrCat(Quoted(name.text), " is an input of the signature ",
                                 std::string(program_.signature->name), "; take another name"));
  }
  auto [found, defined] = names_.emplace(std::string(name.text), Meaning{operand, broken});
  if (defined) return;
  bool state = found->second.operand.kind == Operand::Kind::kState;
  Complain(DiagnosticKind::name_taken, name,
           absl::StrCat(Quoted(name.text), " is defined already; every name is defined once",
                        state ? ", and a state moves on with a \"next\" line" : ""));
}

// A line with a mistake still defines the names that it was to define, so that the mistake is not
// told again at their uses.
void Parser::DefineDespiteMistake() {
  const bool inputs = tokens_[0].IsName("input");
  const size_t place = tokens_[0].IsName("hyper") || tokens_[0].IsName("state") ? 1 : 0;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != Token::Kind::kName) continue;
    std::optional<int> input = program_.signature->InputByName(tokens_[i].text);
    if (inputs && input) {
      names_.emplace(std::string(tokens_[i].text), Meaning{Operand::Input(*input)});
    } else if (!inputs && i == place) {
      names_.emplace(std::string(tokens_[i].text), Meaning{.operand = {}, .broken = true});
    }
  }
}

AxisSet Parser::TypeOf(const Operand& operand) const {
  return OperandType(program_, operand, types_);
}

std::optional<Operand> Parser::Lookup(const Token& name) {
  auto found = names_.find(name.text);
  if (found != names_.end()) {
    if (found->second.broken) return std::nullopt;
    return found->second.operand;
  }
  if (name.text == "inf" || name.text == "nan") {
    Complain(DiagnosticKind::bad_number, name,
             absl::StrCat("a constant is a finite number, not ", Quoted(name.text)));
  } else if (program_.signature->InputByName(name.text)) {
    Complain(DiagnosticKind::undeclared_input, name,
             absl::StrCat("the input ", Quoted(name.text), " is used without an \"input\" line"));
  } else {
    Complain(
        DiagnosticKind::unknown_name, name,
        absl::StrCat("unknown name ", Quoted(name.text), "; a name is defined before it is used"));
  }
  return std::nullopt;
}

bool Parser::Fits(const Operand& value, AxisSet axes, const Token& place) {
  AxisSet type = TypeOf(value);
  if (axes.Contains(type)) return true;
  Complain(DiagnosticKind::wrong_type, place,
           absl::StrCat(Quoted(place.text), " has the type ", axes.Text(),
                        ", the value has the type ", type.Text(),
                        "; reduce the value over the axes that ", Quoted(place.text), " lacks"));
  return false;
}

}  // namespace lathe
