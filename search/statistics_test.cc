#include "search/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Score kFailed = std::nullopt;

TEST(SummarizeTest, CountsFailuresBesideTheMean) {
  const std::vector<Score> scores = {3.0, kFailed, 1.0, 2.0, 6.0};
  const Summary summary = Summarize(scores);
  EXPECT_EQ(summary.runs, 5);
  EXPECT_EQ(summary.failures, 1);
  EXPECT_DOUBLE_EQ(summary.mean, 3);
  EXPECT_DOUBLE_EQ(summary.standard_deviation, std::sqrt(14.0 / 3));
  EXPECT_DOUBLE_EQ(summary.median, 3);  // of 1, 2, 3, 6, infinity
}

TEST(SummarizeTest, TheMedianIsInfiniteWhereHalfOfTheRunsFail) {
  EXPECT_TRUE(std::isinf(Summarize(std::vector<Score>{1.0, kFailed}).median));
  EXPECT_DOUBLE_EQ(Summarize(std::vector<Score>{1.0, 2.0, kFailed}).median, 2);
  EXPECT_DOUBLE_EQ(Summarize(std::vector<Score>{1.0, 2.0, 5.0, 9.0}).median, 3.5);
}

TEST(SummarizeTest, WhatCannotBeKnownIsNaN) {
  EXPECT_TRUE(std::isnan(Summarize(std::vector<Score>{kFailed}).mean));
  EXPECT_TRUE(std::isnan(Summarize(std::vector<Score>{1.0}).standard_deviation));
  EXPECT_TRUE(std::isnan(Summarize({}).median));
}

struct SignedRankCase {
  std::vector<double> differences;
  double p_value;
};

// Values by enumeration of all signs; the last one also by SciPy's exact test.
TEST(SignedRankTest, IsExactAlsoWithTiesAndInfinities) {
  const std::vector<SignedRankCase> cases = {
      {{1}, 1},
      {{1, 2}, 0.5},
      {{-1, -2, -3, -4, -5}, 0.0625},
      {{1, 1, -1, 2, 2, 3, -3, 0}, 0.46875},
      {{kInfinity, -1, -2, kInfinity, 3}, 0.3125},
      {{0.11, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8, 0.9, 1.0}, 0.048828125},
  };
  for (const SignedRankCase& c : cases) {
    EXPECT_DOUBLE_EQ(SignedRankPValue(c.differences), c.p_value) << c.differences.size();
    std::vector<double> mirrored;
    for (double difference : c.differences) mirrored.push_back(-difference);
    EXPECT_DOUBLE_EQ(SignedRankPValue(mirrored), c.p_value) << c.differences.size();
  }
}

TEST(SignedRankTest, NothingDiffersMeansOne) {
  EXPECT_EQ(SignedRankPValue({}), 1);
  EXPECT_EQ(SignedRankPValue(std::vector<double>{0, 0, 0}), 1);
}

TEST(SignedRankTest, ManyPairsOnOneSide) {
  std::vector<double> differences;
  for (int i = 1; i <= 1000; ++i) differences.push_back(i);
  EXPECT_LT(SignedRankPValue(differences), 1e-100);
  EXPECT_DOUBLE_EQ(SignedRankPValue(std::span(differences).first(20)), std::pow(0.5, 19));
}

// The interval by SciPy's t distribution.
TEST(ComparePairedTest, IntervalAndEffectSize) {
  const std::vector<Score> a = {0.31, 0.28, 0.35, 0.30, 0.27, 0.33, 0.29, 0.36, 0.32, 0.30};
  const std::vector<Score> b = {0.33, 0.35, 0.34, 0.36, 0.30, 0.41, 0.30, 0.38, 0.37, 0.33};
  const PairedComparison comparison = ComparePaired(a, b);
  EXPECT_EQ(comparison.pairs, 10);
  EXPECT_EQ(comparison.wins, 9);
  EXPECT_EQ(comparison.losses, 1);
  EXPECT_NEAR(comparison.mean_difference, -0.036, 1e-15);
  EXPECT_NEAR(comparison.low, -0.05628947466912129, 1e-12);
  EXPECT_NEAR(comparison.high, -0.015710525330878706, 1e-12);
  EXPECT_NEAR(comparison.effect_size, -1.2692713357501257, 1e-12);
  EXPECT_LT(comparison.p_value, 0.05);
}

TEST(ComparePairedTest, AFailureIsWorseThanAnyScore) {
  const std::vector<Score> never = {9, 9, 9, 9, 9, 9, 9};
  const std::vector<Score> often = {1, kFailed, kFailed, kFailed, kFailed, kFailed, kFailed};
  const PairedComparison comparison = ComparePaired(never, often);
  EXPECT_EQ(comparison.wins, 6);
  EXPECT_EQ(comparison.losses, 1);
  EXPECT_EQ(comparison.pairs, 1);
  EXPECT_EQ(comparison.failures_a, 0);
  EXPECT_EQ(comparison.failures_b, 6);
  EXPECT_TRUE(std::isnan(comparison.mean_difference));
  EXPECT_DOUBLE_EQ(comparison.p_value,
                   SignedRankPValue(std::vector<double>{8, -kInfinity, -kInfinity, -kInfinity,
                                                        -kInfinity, -kInfinity, -kInfinity}));
}

TEST(ComparePairedTest, WhereBothFailNothingDiffers) {
  const std::vector<Score> failed(5, kFailed);
  const PairedComparison comparison = ComparePaired(failed, failed);
  EXPECT_EQ(comparison.wins + comparison.losses + comparison.pairs, 0);
  EXPECT_EQ(comparison.p_value, 1);
}

}  // namespace
}  // namespace lathe
