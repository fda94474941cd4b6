// Bytes of no particular meaning: no text crashes the parser, and what it accepts is a program.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/testing/case_count.h"
#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

constexpr uint64_t kSeed = 4242;
constexpr size_t kMaxBytes = 400;

std::string RandomBytes(RandomStream& random) {
  std::string text(random.Below(kMaxBytes), ' ');
  // Printable bytes get further than others.
  bool printable = random.Chance(0.5);
  for (char& c : text) {
    c = static_cast<char>(printable ? 10 + random.Below(118) : random.Below(256));
  }
  return random.Chance(0.5) ? "lathe 1 optimizer p\n" + text : text;
}

const std::vector<std::string>& Words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all = {"lathe ",
                                    "1 ",
                                    "optimizer ",
                                    "input ",
                                    "hyper ",
                                    "state ",
                                    "next ",
                                    "in ",
                                    " over ",
                                    "=",
                                    "=",
                                    "(",
                                    "(",
                                    ")",
                                    ")",
                                    "[",
                                    "]",
                                    ",",
                                    ",",
                                    ",",
                                    "\n",
                                    "\n",
                                    "\n",
                                    "\n",
                                    "#",
                                    "\r\n",
                                    "P",
                                    "R",
                                    "C",
                                    "w",
                                    "g",
                                    "lr",
                                    "t",
                                    "rows",
                                    "m",
                                    "v",
                                    "a",
                                    "b",
                                    "c",
                                    "update",
                                    "update",
                                    "inf",
                                    "nan",
                                    "0",
                                    "-0",
                                    "0.9",
                                    "1e999",
                                    "5e-324",
                                    "-1",
                                    "g[P,R,C] ",
                                    "w[P,R,C] ",
                                    "[P]",
                                    "\nnext m = ",
                                    "\nstate  m[P] = 0\n",
                                    "\nhyper  b = 0.5 in [0, 1)\n",
                                    "\nupdate = ",
                                    "\na = ",
                                    "g, ",
                                    "->",
                                    " -> [R,R'])",
                                    "R'",
                                    "C'",
                                    "R''",
                                    "'",
                                    "[R,C]",
                                    "[R',C]",
                                    "w[R,C], ",
                                    "layer ",
                                    "lathe 1 layer p\n",
                                    "x",
                                    "y",
                                    "gamma",
                                    "B",
                                    "K",
                                    "x[B,G,K,H,W] ",
                                    "gamma[G,K] ",
                                    " over B,H,W)",
                                    "\ny = "};
    for (Op op : AllOps()) all.push_back(std::string(Info(op).name) + "(");
    return all;
  }();
  return words;
}

std::string RandomWords(RandomStream& random) {
  std::string text = random.Chance(0.8)
                         ? "lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C] lr[]\n"
                         : "lathe 1 layer p\ninput  x[B,G,K,H,W] gamma[G,K] beta[G,K]\n";
  if (random.Chance(0.1)) text.clear();
  for (uint64_t n = random.Below(40); n > 0 && text.size() < kMaxBytes; --n) {
    text += Words()[random.Below(Words().size())];
  }
  return text;
}

// What random lines are made of.
struct Vocabulary {
  std::string header;
  std::vector<std::string> atoms, labels, axes, results;
  std::string end;
};

const Vocabulary& RandomVocabulary(RandomStream& random) {
  static const Vocabulary optimizer = {
      "lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C] lr[]\nstate  m[P,R,C] = w\n",
      {"g", "w", "lr", "0.5", "-2", "m", "a", "b", "c"},
      {"[R,C]", "[R,C]", "[R',C]", "[R,C']", "[R'',C]", "[R,R']", "[]", "[R]"},
      {"R", "C", "R,C", "P", "R'", "R''"},
      {"[R,C]", "[R,R']", "[R]", "[C']", "[]"},
      "next m = "};
  static const Vocabulary layer = {"lathe 1 layer p\ninput  x[B,G,K,H,W] gamma[G,K] beta[G,K]\n",
                                   {"x", "x", "gamma", "beta", "0.5", "a", "b", "c"},
                                   {"[B,G,K,H,W]", "[B,G,K,H,W]", "[G,K]", "[]"},
                                   {"H,W", "B,H,W", "K,H,W", "K", "B", "R"},
                                   {"[B,G,K,H,W]", "[B]", "[G,K]", "[]"},
                                   ""};
  return random.Chance(0.7) ? optimizer : layer;
}

// Calls that are right for the most part, one a line.
std::string RandomLines(RandomStream& random) {
  const Vocabulary& words = RandomVocabulary(random);
  auto any = [&](const std::vector<std::string>& of) { return of[random.Below(of.size())]; };
  auto call = [&] {
    // What is not elementwise is rare in the table and has more to be wrong about.
    const OpInfo* op = &Info(static_cast<Op>(random.Below(kOpCount)));
    if (random.Chance(0.2)) op = &Info(Op::einsum);
    std::string arguments;
    for (int i = 0; i < op->arity; ++i) {
      arguments += (i == 0 ? "" : ", ") + any(words.atoms);
      if (op->rule == TypeRule::contract) arguments += any(words.labels);
    }
    if (op->rule == TypeRule::contract) arguments += " -> " + any(words.results);
    if (op->rule == TypeRule::reduce_over || op->rule == TypeRule::normalize_over) {
      arguments += " over " + any(words.axes);
    }
    return std::string(op->name) + "(" + arguments + ")\n";
  };
  std::string text = words.header;
  for (const char* name : {"a", "b", "c"}) text += std::string(name) + " = " + call();
  if (words.end.empty()) return text + "y = " + call();
  return text + words.end + call() + "update = " + call();
}

const std::string& KnownText(RandomStream& random) {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> short_ones;
    for (std::string_view name : KnownProgramNames()) {
      std::string text = Print(*KnownProgram(name), Naming::kAuthored);
      if (text.size() <= kMaxBytes) short_ones.push_back(std::move(text));
    }
    return short_ones;
  }();
  return texts[random.Below(texts.size())];
}

std::string MutatedProgram(RandomStream& random) {
  std::string text = KnownText(random);
  for (uint64_t n = 1 + random.Below(4); n > 0 && !text.empty(); --n) {
    size_t at = random.Below(text.size());
    switch (random.Below(5)) {
      case 0: text[at] = static_cast<char>(random.Below(256)); break;
      case 1: text[at] = text[random.Below(text.size())]; break;
      case 2: text.erase(at, 1 + random.Below(8)); break;
      case 3: text.insert(at, Words()[random.Below(Words().size())]); break;
      case 4: text.insert(at, text.substr(random.Below(text.size()), random.Below(20))); break;
    }
  }
  return text;
}

std::string Input(uint64_t index) {
  RandomStream random(kSeed, {index});
  switch (random.Below(5)) {
    case 0: return RandomBytes(random);
    case 1: return RandomWords(random);
    case 2: return RandomLines(random);
    default: return MutatedProgram(random);
  }
}

TEST(ParserFuzz, AcceptsProgramsAndCrashesOnNothing) {
  const uint64_t count = testing::Cases(1000000);
  uint64_t accepted = 0, einsums = 0, layers = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string text = Input(i);
    ParseResult result = Parse(text);
    ASSERT_EQ(result.program.has_value(), result.diagnostics.empty()) << "input " << i << ":\n"
                                                                      << text;
    ASSERT_LE(result.diagnostics.size(), 20u) << "input " << i << ":\n" << text;
    if (!result.program) continue;
    ++accepted;
    layers += result.program->signature == &LayerSignature();
    einsums += std::any_of(result.program->instructions.begin(), result.program->instructions.end(),
                           [](const Instruction& x) { return x.op == Op::einsum; });
    absl::Status status = Verify(*result.program);
    ASSERT_TRUE(status.ok()) << status << "\ninput " << i << ":\n" << text;
    for (Naming naming : {Naming::kNumbered, Naming::kAuthored}) {
      std::string printed = Print(*result.program, naming);
      ParseResult again = Parse(printed);
      ASSERT_TRUE(again.program && *again.program == *result.program)
          << "input " << i << ":\n"
          << text << "\nprinted:\n"
          << printed << RenderDiagnostics(again.diagnostics, "printed");
    }
  }
  // Enough of them get past the parser for the rest to mean something, and enough do not.
  EXPECT_GT(accepted, count / 50);
  EXPECT_LT(accepted, count / 2);
  EXPECT_GT(einsums, count / 1000);
  EXPECT_GT(layers, count / 1000);
}

// Lines of a text whose other lines are random: the diagnostics of one line do not depend on what
// follows it.
TEST(ParserFuzz, WhatFollowsAMistakeDoesNotChangeWhatIsSaidAboutIt) {
  for (uint64_t i = 0; i < testing::Cases(50000); ++i) {
    const std::string text = Input(i);
    std::vector<Diagnostic> whole = Parse(text).diagnostics;
    size_t cut = text.rfind('\n');
    if (cut == std::string::npos || cut == 0 || whole.empty()) continue;
    int lines = 1 + static_cast<int>(std::count(text.begin(), text.begin() + cut, '\n'));
    std::vector<Diagnostic> part = Parse(text.substr(0, cut)).diagnostics;
    for (const Diagnostic& diagnostic : part) {
      bool complete = diagnostic.kind != DiagnosticKind::missing_output &&
                      diagnostic.kind != DiagnosticKind::missing_next &&
                      diagnostic.kind != DiagnosticKind::missing_header;
      if (!complete || diagnostic.line > lines) continue;
      bool told = std::any_of(whole.begin(), whole.end(), [&](const Diagnostic& other) {
        return other.line == diagnostic.line && other.column == diagnostic.column &&
               other.kind == diagnostic.kind && other.message == diagnostic.message;
      });
      ASSERT_TRUE(told) << "input " << i << ":\n" << text << "\n" << diagnostic.message;
    }
  }
}

}  // namespace
}  // namespace lathe
