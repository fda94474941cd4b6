// Programs and numbers survive the way through their text.
#include "dsl/text.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/testing/case_count.h"
#include "dsl/testing/random_case.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

using testing::CaseText;

constexpr uint64_t kSeed = 77;

// Names that an author may have given, that collide with what the printer makes up, that collide
// with each other, or that no author can have given.
std::string RandomName(RandomStream& random) {
  static constexpr std::array<std::string_view, 18> names = {
      "",   "a",    "m",     "v0", "v1",  "s0",       "h0",   "p0",  "w",
      "lr", "next", "state", "in", "add", "Momentum", "no_1", "x y", "update"};
  return std::string(names[random.Below(names.size())]);
}

void NameAtRandom(Program& program, RandomStream& random) {
  program.name = RandomName(random);
  for (State& state : program.states) state.name = RandomName(random);
  for (Hyper& hyper : program.hypers) {
    hyper.name = RandomName(random);
    // Some ranges do not have the value, as no text can say.
    hyper.range = {-1, 1 + random.Uniform(), random.Chance(0.5), random.Chance(0.5)};
  }
  if (random.Chance(0.5)) {
    for (size_t i = 0; i < program.instructions.size(); ++i) {
      program.instruction_names.push_back(RandomName(random));
    }
  }
}

TEST(Text, ProgramsSurvivePrintingAndParsing) {
  for (uint64_t i = 0; i < testing::Cases(20000); ++i) {
    RandomStream random(kSeed, {i});
    Program program = testing::RandomCase(random);
    NameAtRandom(program, random);
    for (Naming naming : {Naming::kNumbered, Naming::kAuthored}) {
      std::string text = Print(program, naming);
      ParseResult result = Parse(text);
      ASSERT_TRUE(result.program) << CaseText(i, program) << "printed:\n"
                                  << text << RenderDiagnostics(result.diagnostics, "printed");
      ASSERT_TRUE(*result.program == program) << CaseText(i, program) << "printed:\n" << text;
      // What was read prints as it was printed.
      ASSERT_EQ(Print(*result.program, naming), text) << CaseText(i, program);
    }
  }
}

TEST(Text, NumberedTextDoesNotKnowNames) {
  for (uint64_t i = 0; i < testing::Cases(2000); ++i) {
    RandomStream random(kSeed + 1, {i});
    Program program = testing::RandomCase(random);
    std::string plain = Print(program);
    NameAtRandom(program, random);
    ASSERT_EQ(Print(program), plain) << CaseText(i, program);
  }
}

TEST(Text, NumberedTextIsWhatTheLanguageSaysItIs) {
  EXPECT_EQ(Print(*KnownProgram("lion")),
            "lathe 1 optimizer p0\n"
            "input  w[P,R,C] g[P,R,C] lr[]\n"
            "hyper  h0 = 0.9\n"
            "hyper  h1 = 0.99\n"
            "hyper  h2 = 0.1\n"
            "state  s0[P,R,C] = 0\n"
            "v0 = lerp(g, s0, h0)\n"
            "v1 = sign(v0)\n"
            "v2 = mul(w, h2)\n"
            "v3 = add(v1, v2)\n"
            "update = mul(v3, lr)\n"
            "next s0 = lerp(g, s0, h1)\n");
}

TEST(Text, AuthoredTextIsWhatTheAuthorWrote) {
  for (std::string_view name : KnownProgramNames()) {
    std::string without_comments;
    std::string_view rest = *KnownProgramText(name);
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n') + 1);
      if (line[0] != '#') without_comments += line;
      rest.remove_prefix(line.size());
    }
    EXPECT_EQ(Print(*KnownProgram(name), Naming::kAuthored), without_comments);
  }
}

TEST(Text, NamesAndRangesSurviveAuthoredText) {
  Program program = *KnownProgram("adamw");
  Program again = *ParseOrStatus(Print(program, Naming::kAuthored), "adamw");
  EXPECT_EQ(again.name, "adamw");
  EXPECT_EQ(again.instruction_names, program.instruction_names);
  ASSERT_EQ(again.hypers.size(), program.hypers.size());
  for (size_t i = 0; i < program.hypers.size(); ++i) {
    EXPECT_EQ(again.hypers[i].name, program.hypers[i].name);
    EXPECT_EQ(again.hypers[i].range.Text(), program.hypers[i].range.Text());
  }
  for (size_t i = 0; i < program.states.size(); ++i) {
    EXPECT_EQ(again.states[i].name, program.states[i].name);
  }
}

TEST(Text, ValuesThatAreNoInstructionsHaveLinesOfTheirOwn) {
  const std::string text =
      "lathe 1 optimizer p0\n"
      "input  w[P,R,C]\n"
      "hyper  h0 = 2\n"
      "state  s0[P,R,C] = w\n"
      "state  s1[] = -1.5\n"
      "update = s0\n"
      "next s0 = s1\n"
      "next s1 = h0\n";
  absl::StatusOr<Program> program = ParseOrStatus(text, "p");
  ASSERT_TRUE(program.ok()) << program.status();
  // w is only what a state starts at: nothing reads it.
  std::string printed = Print(*program);
  EXPECT_EQ(printed.find("input"), std::string::npos);
  EXPECT_TRUE(*ParseOrStatus(printed, "p") == *program);
}

TEST(Text, ReductionsNameTheirAxesInOrder) {
  Program program = *ParseOrStatus(
      "lathe 1 optimizer p\ninput  g[P,R,C]\na = sum(g over C,R)\nupdate = mean(a over C , P)\n",
      "p");
  EXPECT_EQ(Print(program),
            "lathe 1 optimizer p0\ninput  g[P,R,C]\nv0 = sum(g over R,C)\n"
            "update = mean(v0 over P,C)\n");
}

double Read(const std::string& text) {
  double value = std::numeric_limits<double>::quiet_NaN();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  EXPECT_EQ(end, text.data() + text.size()) << text;
  EXPECT_EQ(error, std::errc()) << text;
  return value;
}

TEST(Text, NumbersSurviveExactly) {
  RandomStream random(kSeed + 2, {});
  for (int i = 0; i < 200000; ++i) {
    double value = i % 2 == 0 ? std::bit_cast<double>(random.Bits64()) : random.Normal();
    if (!std::isfinite(value)) continue;
    std::string text = NumberText(value);
    ASSERT_EQ(std::bit_cast<uint64_t>(Read(text)), std::bit_cast<uint64_t>(value)) << text;
  }
}

TEST(Text, NumbersSurviveAsConstantsHypersAndStarts) {
  RandomStream random(kSeed + 3, {});
  for (int i = 0; i < 20000; ++i) {
    double value = std::bit_cast<double>(random.Bits64());
    if (!std::isfinite(value)) continue;
    Program program;
    program.hypers = {{value, "", {}}};
    State state;
    state.start = value;
    program.states = {state};
    program.outputs = {Operand::Constant(value)};
    ASSERT_TRUE(Verify(program).ok()) << value;
    ASSERT_TRUE(*ParseOrStatus(Print(program), "p") == program) << Print(program);
  }
}

TEST(Text, NumbersAreAsShortAsTheyCanBe) {
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(1), "1");
  EXPECT_EQ(NumberText(-2.5), "-2.5");
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(1e-8), "1e-08");
  EXPECT_EQ(NumberText(1e300), "1e+300");
  EXPECT_EQ(NumberText(5e-324), "5e-324");
  EXPECT_EQ(NumberText(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
}

TEST(Text, RangesSurvive) {
  const std::array<std::string_view, 6> ranges = {"[0, 1)",      "(0, inf)",    "(-inf, inf)",
                                                  "(-inf, 0.5]", "[-1, 1e-08]", "(-2.5, 1e+300)"};
  for (std::string_view range : ranges) {
    std::string text =
        "lathe 1 optimizer p\nhyper  h = " + std::string(range == "(0, inf)" ? "1" : "0") + " in " +
        std::string(range) + "\nupdate = h\n";
    absl::StatusOr<Program> program = ParseOrStatus(text, "p");
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(program->hypers[0].range.Text(), range);
    EXPECT_EQ(Print(*program, Naming::kAuthored), text);
  }
}

TEST(Text, RangesHaveTheirIncludedBounds) {
  Range range{0, 1, true, false};
  EXPECT_TRUE(range.Has(0));
  EXPECT_FALSE(range.Has(1));
  EXPECT_FALSE(range.Has(-1e-300));
  EXPECT_TRUE((Range{0, 1, false, true}.Has(1)));
  EXPECT_FALSE((Range{0, 1, false, true}.Has(0)));
  EXPECT_TRUE(Range().Has(-1e308));
}

}  // namespace
}  // namespace lathe
