// How numbers mutate: multiplied by 2^a with a ~ N(0, 1), or drawn anew from N(0, 1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "search/mutate.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

MutationOptions ConstantsOnly() {
  MutationOptions options;
  options.space = SearchSpace::Default(OptimizerSignature());
  options.constants_only = true;
  return options;
}

Program WithConstant(double value) {
  return Parsed(absl::StrCat("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = mul(g, ",
                             NumberText(value), ")\n"));
}

Program WithHyper(double value, const std::string& range) {
  return Parsed(absl::StrCat("lathe 1 optimizer p\ninput g[P,R,C]\nhyper k = ", NumberText(value),
                             " in ", range, "\nupdate = mul(g, k)\n"));
}

double NumberOf(const Program& program) {
  return program.hypers.empty() ? program.instructions[0].operands[1].constant
                                : program.hypers[0].value;
}

// The number of `program` after one mutation, `count` times from the same start.
std::vector<double> MutatedNumbers(const Program& program, int count) {
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i) {
    RandomStream random(1, {static_cast<uint64_t>(i)});
    numbers.push_back(NumberOf(Mutate(program, ConstantsOnly(), random).program));
  }
  return numbers;
}

// The largest distance between the distribution of `values` and the standard normal one
// (Kolmogorov and Smirnov); above 1.95 / sqrt(n) by chance once in a thousand.
double DistanceFromNormal(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double expected = 0.5 * std::erfc(-values[i] / std::sqrt(2.0));
    double below = static_cast<double>(i) / n;
    distance =
        std::max({distance, std::fabs(expected - below), std::fabs(expected - below - 1 / n)});
  }
  return distance;
}

// From a million, a factor of 2^a and a number drawn anew lie far apart and can be told.
TEST(MutateConstant, FactorsAndNewDrawsAreNormal) {
  constexpr int kDraws = 20000;
  constexpr double kStart = 1e6;
  std::vector<double> exponents, redrawn;
  for (double number : MutatedNumbers(WithConstant(kStart), kDraws)) {
    if (std::fabs(number) < 100) {
      redrawn.push_back(number);
    } else {
      ASSERT_GT(number, 0) << "a factor keeps the sign";
      exponents.push_back(std::log2(number / kStart));
    }
  }
  EXPECT_NEAR(static_cast<double>(redrawn.size()) / kDraws, 0.1, 0.01);
  EXPECT_LT(DistanceFromNormal(exponents), 1.95 / std::sqrt(exponents.size()));
  EXPECT_LT(DistanceFromNormal(redrawn), 1.95 / std::sqrt(redrawn.size()));
}

TEST(MutateConstant, AHyperMutatesLikeAConstant) {
  EXPECT_EQ(MutatedNumbers(WithHyper(1e6, "(-inf, inf)"), 1000),
            MutatedNumbers(WithConstant(1e6), 1000));
}

// Redrawn until it is in range, and not left where it was.
TEST(MutateConstant, AHyperStaysInItsRangeAndMoves) {
  for (auto [value, text] :
       {std::pair(0.999, "[0, 1)"), std::pair(0.25, "(0.2, 0.3]"), std::pair(-3.0, "[-4, -2]")}) {
    const Program program = WithHyper(value, text);
    int moved = 0;
    for (double number : MutatedNumbers(program, 1000)) {
      ASSERT_TRUE(program.hypers[0].range.Has(number)) << number << " in " << text;
      moved += number != value;
    }
    EXPECT_GT(moved, 990) << text;
  }
}

TEST(MutateConstant, AHyperThatCanBeNothingElseStays) {
  for (double number : MutatedNumbers(WithHyper(7, "[7, 7.000001]"), 10)) EXPECT_EQ(number, 7);
}

TEST(MutateConstant, ZeroIsLeftByNewDrawsOnly) {
  int zeros = 0;
  for (double number : MutatedNumbers(WithConstant(0), 1000)) {
    zeros += number == 0;
    ASSERT_FALSE(number == 0 && std::signbit(number)) << "-0";
  }
  EXPECT_NEAR(zeros, 900, 50);
}

TEST(MutateConstant, NumbersStayBelowTheBound) {
  for (double start : {1e10, -1e10, 1e9}) {
    for (double number : MutatedNumbers(WithConstant(start), 2000)) {
      ASSERT_LE(std::fabs(number), 1e10);
    }
  }
}

// A number this small would become a denormal and in the end -0.
TEST(MutateConstant, TheSmallestNumbersNeverBecomeMinusZero) {
  for (double number : MutatedNumbers(WithConstant(-5e-324), 1000)) {
    ASSERT_FALSE(number == 0 && std::signbit(number)) << "-0";
    ASSERT_TRUE(std::isfinite(number));
  }
}

// How many numbers differ between two programs that are otherwise the same.
int NumbersThatDiffer(const Program& a, const Program& b) {
  int differ = 0;
  std::vector<Operand> operands;
  ForEachOperand(a, [&](const Operand& operand) { operands.push_back(operand); });
  size_t next = 0;
  Program same = b;
  ForEachOperand(same, [&](Operand& operand) {
    const Operand& other = operands[next++];
    if (!operand.IsConstant() || !other.IsConstant()) return;
    differ += operand.constant != other.constant;
    operand.constant = other.constant;
  });
  for (size_t i = 0; i < a.hypers.size(); ++i) {
    differ += same.hypers[i].value != a.hypers[i].value;
    same.hypers[i].value = a.hypers[i].value;
  }
  EXPECT_EQ(Print(same), Print(a)) << "something else than numbers differs";
  EXPECT_TRUE(same == a);
  return differ;
}

TEST(ConstantsOnly, ChangesAtMostOneNumberAndNothingElse) {
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    Program program = KnownProgram(name).value();
    int changed = 0;
    for (uint64_t step = 0; step < 1000; ++step) {
      RandomStream random(2, {step});
      Mutation mutation = Mutate(program, ConstantsOnly(), random);
      SCOPED_TRACE(absl::StrCat("step ", step, " from\n", Print(program)));
      EXPECT_EQ(mutation.operation, "constant");
      int differ = NumbersThatDiffer(program, mutation.program);
      ASSERT_LE(differ, 1);
      changed += differ;
      program = std::move(mutation.program);
    }
    EXPECT_GT(changed, 100) << name;
  }
}

// adamw has four hypers and two constants: each must be met about as often.
TEST(ConstantsOnly, ChoosesEveryNumberAlike) {
  const Program start = KnownProgram("adamw").value();
  std::vector<int> hits(start.hypers.size() + 2, 0);
  constexpr int kDraws = 6000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    RandomStream random(3, {i});
    const Program program = Mutate(start, ConstantsOnly(), random).program;
    size_t place = 0;
    std::vector<double> before, after;
    ForEachOperand(start, [&](const Operand& o) {
      if (o.IsConstant()) before.push_back(o.constant);
    });
    ForEachOperand(program, [&](const Operand& o) {
      if (o.IsConstant()) after.push_back(o.constant);
    });
    for (; place < before.size(); ++place) hits[place] += before[place] != after[place];
    for (size_t h = 0; h < start.hypers.size(); ++h) {
      hits[place + h] += start.hypers[h].value != program.hypers[h].value;
    }
  }
  for (int count : hits) EXPECT_NEAR(count, kDraws / 6, 150);
}

TEST(ConstantsOnly, WithoutNumbersTheProgramComesBack) {
  const Program program = Parsed("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = neg(g)\n");
  RandomStream random(1, {});
  EXPECT_TRUE(Mutate(program, ConstantsOnly(), random).program == program);
}

}  // namespace
}  // namespace lathe
