// Against values that SciPy 1.17 gives: stats.wilcoxon(method="exact") and
// stats.ttest_1samp(...).confidence_interval(). With ties and zeros, where SciPy is not exact, all
// signs were enumerated.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "search/statistics.h"

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<Score> Scores(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// Hollander and Wolfe's depression scale, the example that R gives for its own test.
TEST(StatisticsReference, HamiltonDepressionScale) {
  const std::vector<Score> first = Scores({1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30});
  const std::vector<Score> second =
      Scores({0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29});
  const PairedComparison comparison = ComparePaired(first, second);
  EXPECT_DOUBLE_EQ(comparison.p_value, 0.0390625);
  EXPECT_EQ(comparison.losses, 7);
  EXPECT_EQ(comparison.wins, 2);
}

TEST(StatisticsReference, TenPairsThatHardlyDiffer) {
  const PairedComparison comparison =
      ComparePaired(Scores({0.328, 0.307, 0.35, 0.377, 0.405, 0.364, 0.338, 0.329, 0.39, 0.425}),
                    Scores({0.356, 0.29, 0.341, 0.445, 0.431, 0.332, 0.355, 0.314, 0.391, 0.43}));
  EXPECT_DOUBLE_EQ(comparison.p_value, 0.625);
  EXPECT_NEAR(comparison.mean_difference, -0.0071999999999999955, 1e-15);
  EXPECT_NEAR(comparison.low, -0.027850024422095446, 1e-12);
  EXPECT_NEAR(comparison.high, 0.013450024422095457, 1e-12);
  EXPECT_NEAR(comparison.effect_size, -0.24942196763107416, 1e-12);
}

// One degree of freedom: the quantile is 12.7.
TEST(StatisticsReference, TwoPairs) {
  const PairedComparison comparison = ComparePaired(Scores({1, 1.25}), Scores({1.5, 1}));
  EXPECT_EQ(comparison.pairs, 2);
  EXPECT_DOUBLE_EQ(comparison.mean_difference, -0.125);
  EXPECT_NEAR(comparison.low, -4.88982677606551, 1e-10);
  EXPECT_NEAR(comparison.high, 4.63982677606551, 1e-10);
  EXPECT_NEAR(comparison.effect_size, -0.23570226039551587, 1e-12);
  EXPECT_DOUBLE_EQ(comparison.p_value, 1);
}

TEST(StatisticsReference, OnePairHasASignAndNoInterval) {
  const PairedComparison comparison = ComparePaired(Scores({1}), Scores({2}));
  EXPECT_EQ(comparison.pairs, 1);
  EXPECT_EQ(comparison.wins, 1);
  EXPECT_EQ(comparison.losses, 0);
  EXPECT_DOUBLE_EQ(comparison.p_value, 1);
  for (double value :
       {comparison.mean_difference, comparison.low, comparison.high, comparison.effect_size}) {
    EXPECT_TRUE(std::isnan(value)) << value;
  }
}

TEST(StatisticsReference, TwentyPairs) {
  const std::vector<double> differences = {
      -0.0657, -0.0023, -0.0332, -0.0595, -0.0095, 0.0115,  -0.1122, -0.0428, -0.079,  -0.0387,
      -0.0945, -0.029,  -0.0319, -0.0452, -0.0824, -0.0498, -0.0846, -0.0978, -0.0188, -0.0855};
  EXPECT_DOUBLE_EQ(SignedRankPValue(differences), 9.5367431640625e-06);
  const PairedComparison comparison =
      ComparePaired(Scores(differences), std::vector<Score>(20, Score(0)));
  EXPECT_DOUBLE_EQ(comparison.p_value, 9.5367431640625e-06);
  EXPECT_EQ(comparison.wins, 19);
  EXPECT_EQ(comparison.losses, 1);
  EXPECT_NEAR(comparison.low, -0.06869122552801016, 1e-12);
  EXPECT_NEAR(comparison.high, -0.03639877447198984, 1e-12);
}

TEST(StatisticsReference, TiesTakeMeanRanksAndZerosAreDropped) {
  const std::vector<double> differences = {3, -3, 3, -1, 1, 1, 5, -5, 0, 0, 2, 2};
  EXPECT_DOUBLE_EQ(SignedRankPValue(differences), 0.416015625);
  const PairedComparison comparison =
      ComparePaired(Scores(differences), std::vector<Score>(12, Score(0)));
  EXPECT_DOUBLE_EQ(comparison.p_value, 0.416015625);
  EXPECT_EQ(comparison.pairs, 12) << "a zero counts in the mean";
  EXPECT_EQ(comparison.wins, 3);
  EXPECT_EQ(comparison.losses, 7);
}

TEST(StatisticsReference, TwoHundredPairs) {
  std::vector<double> differences;
  for (int i = 1; i <= 200; ++i) differences.push_back(i % 7 <= 2 ? -i : i);
  EXPECT_NEAR(SignedRankPValue(differences), 0.07962449812541883, 1e-12);
}

// What decides is the order of the magnitudes, so infinities are the greatest of ranks.
TEST(StatisticsReference, InfinitiesRankAboveEveryNumber) {
  EXPECT_DOUBLE_EQ(SignedRankPValue(std::vector<double>{1, 2, 3, 4, -kInfinity}),
                   SignedRankPValue(std::vector<double>{1, 2, 3, 4, -5}));
  EXPECT_DOUBLE_EQ(SignedRankPValue(std::vector<double>{1, -2, 3, kInfinity, -kInfinity}),
                   SignedRankPValue(std::vector<double>{1, -2, 3, 4, -4}));
}

// The same difference in every pair: an interval without width, an effect without bound.
TEST(StatisticsReference, ADifferenceWithoutVariance) {
  const PairedComparison comparison = ComparePaired(Scores({1, 2, 3}), Scores({1.5, 2.5, 3.5}));
  EXPECT_EQ(comparison.low, -0.5);
  EXPECT_EQ(comparison.high, -0.5);
  EXPECT_EQ(comparison.effect_size, -kInfinity);
  EXPECT_TRUE(std::isnan(ComparePaired(Scores({1, 2}), Scores({1, 2})).effect_size));
}

// Pairs with a failure leave the mean and count in the test.
TEST(StatisticsReference, FailuresOfBothSides) {
  const Score failed = std::nullopt;
  const PairedComparison comparison = ComparePaired(std::vector<Score>{1, 2, failed, failed, 5},
                                                    std::vector<Score>{2, 4, 3, failed, failed});
  EXPECT_EQ(comparison.pairs, 2);
  EXPECT_EQ(comparison.wins, 3);
  EXPECT_EQ(comparison.losses, 1);
  EXPECT_DOUBLE_EQ(comparison.mean_difference, -1.5);
  EXPECT_DOUBLE_EQ(comparison.p_value,
                   SignedRankPValue(std::vector<double>{-1, -2, kInfinity, -kInfinity}));
}

}  // namespace
}  // namespace lathe
