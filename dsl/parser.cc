#include "dsl/parser.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr size_t kMaxTextBytes = 1 << 20;
constexpr size_t kMaxDiagnostics = 20;
constexpr size_t kMaxNameBytes = 64;
constexpr std::array<std::string_view, 7> kReserved = {"lathe", "input", "hyper", "state",
                                                       "next",  "in",    "over"};

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

template <typename Rows>
std::string NamesOf(const Rows& rows) {
  std::string names;
  for (const auto& row : rows)
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(row.name));
  return names;
}

std::string Describe(const Token& token) {
  return token.kind == Token::Kind::kEnd ? "the end of the line" : Quoted(token.text);
}

bool IsIdentifier(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes || !(text[0] >= 'a' && text[0] <= 'z'))
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

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
    bool was_header = header_seen_;
    ParseLine();
    if (!was_header && !diagnostics_.empty()) break;  // without a header nothing means anything
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
                    shown + " cannot stand here; allowed are names, numbers and = ( ) [ ] , #");
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
             absl::StrCat("unknown version ", Describe(version),
                          " of the language; this is version ", kLanguageVersion));
    return false;
  }
  Token signature = Take();
  const Signature* row = SignatureByName(signature.text);
  if (row == nullptr) {
    Complain(DiagnosticKind::unknown_signature, signature,
             absl::StrCat("unknown signature ", Describe(signature),
                          "; there are: ", NamesOf(AllSignatures())));
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
  Complain(DiagnosticKind::syntax, Peek(),
           absl::StrCat("expected the end of the line, found ", Describe(Peek())));
  return false;
}

std::optional<Token> Parser::ParseNewName() {
  Token name = Take();
  bool reserved = std::find(kReserved.begin(), kReserved.end(), name.text) != kReserved.end();
  if (name.kind == Token::Kind::kName && IsIdentifier(name.text) && !reserved) return name;
  Complain(DiagnosticKind::bad_name, name,
           absl::StrCat(Describe(name), " cannot be a name: a name is 1 to ", kMaxNameBytes,
                        " of a-z, 0-9 and _, starts with a letter and is no keyword"));
  return std::nullopt;
}

void Parser::Define(const Token& name, Operand operand, bool broken) {
  if (program_.signature->InputByName(name.text) && operand.kind != Operand::Kind::kInput) {
    return Complain(DiagnosticKind::name_taken, name,
                    absl::StrCat(Quoted(name.text), " is an input of the signature"));
  }
  if (!names_.emplace(std::string(name.text), Meaning{operand, broken}).second) {
    Complain(DiagnosticKind::name_taken, name,
             absl::StrCat(Quoted(name.text), " is defined already; every name is defined once"));
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
    Complain(DiagnosticKind::bad_number, name, "a constant must be a finite number");
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
  Complain(
      DiagnosticKind::wrong_type, place,
      absl::StrCat(Quoted(place.text), " has the type ", axes.Text(), ", the value has the type ",
                   type.Text(), "; axes may only be missing, reduce the others"));
  return false;
}

}  // namespace lathe
