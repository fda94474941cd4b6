#include "search/filters.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "dsl/cost.h"
#include "dsl/known_programs.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

const std::vector<Shape> kShapes = {{32, 64}, {32, 1}, {10, 32}, {10, 1}};

std::optional<Filter> Judge(const Program& program, FilterOptions options = {}) {
  options.shapes = kShapes;
  return Filters(options).Judge(Canonicalize(program));
}

std::optional<Filter> JudgeText(const std::string& statements) {
  return Judge(Parsed("lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[] t[]\n" + statements));
}

TEST(FiltersTest, KnownProgramsPass) {
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    // The products of muon's matrices cost more than the default allows.
    const auto expected = name == "muon" ? std::optional(Filter::over_cost) : std::nullopt;
    EXPECT_EQ(Judge(*KnownProgram(name)), expected) << name;
  }
}

TEST(FiltersTest, ProgramsThatAreNoOptimizersAreIllFormed) {
  for (std::string_view name : KnownProgramNames(LayerSignature())) {
    EXPECT_EQ(Judge(*KnownProgram(name)), Filter::ill_formed) << name;
  }
}

TEST(FiltersTest, AnOutputThatDoesNotDependOnTheGradient) {
  EXPECT_EQ(JudgeText("update = mul(w, 0.1)\n"), Filter::ignores_gradient);
  EXPECT_EQ(JudgeText("update = 1\n"), Filter::ignores_gradient);
  // The gradient is read, but by nothing that reaches the output.
  EXPECT_EQ(JudgeText("state m[P,R,C] = 0\nupdate = mul(w, lr)\nnext m = g\n"),
            Filter::ignores_gradient);
  // It arrives by way of two states.
  EXPECT_EQ(
      JudgeText("state m[P,R,C] = 0\nstate v[P,R,C] = 0\nupdate = v\nnext v = m\nnext m = g\n"),
      std::nullopt);
}

TEST(FiltersTest, NotFiniteForSomeInputThatTrainingMeets) {
  EXPECT_EQ(JudgeText("update = div(1, g)\n"), Filter::not_finite) << "at exact zeros";
  EXPECT_EQ(JudgeText("update = log_abs(g)\n"), Filter::not_finite) << "at exact zeros";
  EXPECT_EQ(JudgeText("update = sqrt(g)\n"), Filter::not_finite) << "below zero";
  EXPECT_EQ(JudgeText("a = square(g)\nb = square(a)\nc = exp(b)\nupdate = c\n"), Filter::not_finite)
      << "at outliers";
  EXPECT_EQ(JudgeText("a = div(t, 100)\nb = exp(a)\nupdate = mul(g, b)\n"), Filter::not_finite)
      << "after many steps";
  EXPECT_EQ(JudgeText("update = div_eps(1, g)\n"), std::nullopt);
  EXPECT_EQ(JudgeText("a = div(t, 1000)\nb = exp(a)\nupdate = mul(g, b)\n"), std::nullopt);
}

TEST(FiltersTest, NoEffectOnAnyProbe) {
  EXPECT_EQ(JudgeText("update = mul(g, 0)\n"), Filter::no_effect);
  EXPECT_EQ(JudgeText("update = sub(g, g)\n"), Filter::no_effect);
  EXPECT_EQ(JudgeText("a = clip(g, 0)\nupdate = neg(a)\n"), Filter::no_effect);
  // Only outliers have an effect.
  EXPECT_EQ(JudgeText("a = clip(g, 100)\nupdate = sub(g, a)\n"), std::nullopt);
  // No effect on the first step, but later.
  EXPECT_EQ(JudgeText("state m[P,R,C] = 0\nupdate = m\nnext m = g\n"), std::nullopt);
}

// A bound that is met exactly is kept.
TEST(FiltersTest, EachBoundOfTheCost) {
  const Program adamw = *KnownProgram("adamw");
  const Cost cost = CountCost(Canonicalize(adamw), kShapes);
  struct Bound {
    double FilterOptions::*option;
    double cost;
  };
  for (const Bound& bound :
       {Bound{&FilterOptions::max_operations_per_parameter, cost.operations},
        Bound{&FilterOptions::max_bytes_per_parameter, cost.bytes},
        Bound{&FilterOptions::max_state_bytes_per_parameter, cost.state_bytes}}) {
    FilterOptions options;
    options.*bound.option = bound.cost / cost.parameters * (1 + 1e-9);
    EXPECT_EQ(Judge(adamw, options), std::nullopt);
    options.*bound.option = bound.cost / cost.parameters * (1 - 1e-9);
    EXPECT_EQ(Judge(adamw, options), Filter::over_cost);
  }
}

TEST(FiltersTest, TheCheaperFilterSpeaksFirst) {
  FilterOptions options;
  options.max_bytes_per_parameter = 0;
  EXPECT_EQ(Judge(Parsed("lathe 1 optimizer p\ninput w[P,R,C]\nupdate = log(w)\n"), options),
            Filter::ignores_gradient);
  EXPECT_EQ(Judge(Parsed("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = log(g)\n"), options),
            Filter::over_cost);
}

}  // namespace
}  // namespace lathe
