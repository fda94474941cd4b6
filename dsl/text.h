// The text form of programs: readable in a paper, exact in both directions.
//
//   lathe 1 optimizer lion
//   input  w[P,R,C] g[P,R,C] lr[]
//   hyper  b1 = 0.9 in [0, 1)
//   state  m[P,R,C] = 0
//   c = lerp(g, m, b1)
//   update = mul(c, lr)
//   next m = lerp(g, m, 0.99)
//
// A state that is read is the state before the step, wherever its `next` stands. '#' starts a
// comment.
#ifndef LATHE_DSL_TEXT_H_
#define LATHE_DSL_TEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/program.h"

namespace lathe {

// Every kind of thing that can be wrong with a text; each has a golden file.
enum class DiagnosticKind : uint8_t {
#define LATHE_DIAGNOSTIC(name) name,
#include "dsl/diagnostics.def"
};

struct Diagnostic {
  DiagnosticKind kind;
  int line = 1, column = 1;  // from 1; columns count bytes
  std::string message;       // what is wrong and what is allowed
};

std::string_view KindName(DiagnosticKind kind);

struct ParseResult {
  std::optional<Program> program;  // set if and only if there are no diagnostics
  std::vector<Diagnostic> diagnostics;
};

// Never fails on any bytes; parsing goes on after a mistake, up to 20 diagnostics.
ParseResult Parse(std::string_view text);

// "FILE:LINE:COLUMN: MESSAGE" per diagnostic, a line each.
std::string RenderDiagnostics(const std::vector<Diagnostic>& diagnostics, std::string_view file);

// Parse, with the diagnostics as the message of an invalid argument.
absl::StatusOr<Program> ParseOrStatus(std::string_view text, std::string_view file);

enum class Naming : uint8_t {
  kNumbered,  // v0, s0, h0, no ranges: the same text for equal programs
  kAuthored,  // the author's names and ranges where there are any
};

// Parse(Print(p)) == p for every program that verifies.
std::string Print(const Program& program, Naming naming = Naming::kNumbered);

// The shortest text that reads back as the same double. `value` is finite.
std::string NumberText(double value);

}  // namespace lathe

#endif  // LATHE_DSL_TEXT_H_
