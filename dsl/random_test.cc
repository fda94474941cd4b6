#include "dsl/random.h"

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "dsl/hash.h"

namespace lathe {
namespace {

using Block = std::array<uint32_t, 4>;

Block Philox(Block counter, std::array<uint32_t, 2> key) {
  auto block =
      r123::Philox4x32()({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
  return {block[0], block[1], block[2], block[3]};
}

// The vectors that Random123 publishes for philox4x32 with 10 rounds.
TEST(Random, PhiloxGivesThePublishedAnswers) {
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, StreamsAreBlocksOfPhiloxInOrder) {
  const uint64_t seed = 0x0123456789abcdef;
  Hash128 start = FieldHasher().Number(seed).Number(7).Number(9).Digest();
  std::array<uint32_t, 2> key = {
      static_cast<uint32_t>(seed),
      static_cast<uint32_t>(seed >> 32) ^ static_cast<uint32_t>(start.low >> 32)};
  RandomStream random(seed, {7, 9});
  for (uint32_t i = 0; i < 3; ++i) {
    for (uint32_t word :
         Philox({i, static_cast<uint32_t>(start.high), static_cast<uint32_t>(start.high >> 32),
                 static_cast<uint32_t>(start.low)},
                key)) {
      EXPECT_EQ(random.Bits32(), word);
    }
  }
}

// Trajectories of searches hang on these: a change is a change of every search.
TEST(Random, DrawsAreFrozen) {
  RandomStream random(1, {2, 3});
  EXPECT_EQ(random.Bits32(), 1925013314u);
  EXPECT_EQ(random.Bits64(), 5308226712125173035u);
  EXPECT_EQ(random.Below(1000), 214u);
  EXPECT_EQ(random.Uniform(), 0x1.5931b3bca376cp-1);
  EXPECT_EQ(random.Normal(), -0x1.9d82059fe6cc1p-3);
  EXPECT_EQ(random.Normal(), 0x1.baed1e006a949p-3);
  EXPECT_EQ(random.Weighted(std::array{1.0, 2.0, 3.0, 4.0}), 1);
  EXPECT_EQ(random.Permutation(8), (std::vector<int>{0, 7, 2, 1, 5, 6, 3, 4}));
  EXPECT_EQ(RandomStream(0, {}).Bits64(), 16485386987710004251u);
  EXPECT_EQ(RandomStream(0, {0}).Bits64(), 9510511374592328175u);
  EXPECT_EQ(RandomStream(~uint64_t{0}, {1}).Bits64(), 13807601000507290935u);
}

TEST(Random, AStreamIsNamedByItsSeedAndPath) {
  auto first = [](uint64_t seed, std::initializer_list<uint64_t> path) {
    return RandomStream(seed, path).Bits64();
  };
  EXPECT_EQ(first(1, {2, 3}), first(1, {2, 3}));
  std::set<uint64_t> different = {first(1, {}),     first(1, {0}),         first(1, {0, 0}),
                                  first(1, {2, 3}), first(1, {3, 2}),      first(2, {1, 3}),
                                  first(0, {1}),    first(1ull << 32, {}), first(2, {3})};
  EXPECT_EQ(different.size(), 9u);
}

TEST(Random, StreamsShareNothing) {
  std::vector<uint64_t> all;
  for (uint64_t seed : {1, 2, 3}) {
    for (uint64_t index : {0, 1, 2}) {
      RandomStream random(seed, {index});
      for (int i = 0; i < 100000; ++i) all.push_back(random.Bits64());
    }
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

// Pearson's statistic against equal frequencies.
double ChiSquare(const std::vector<int>& counts) {
  double expected = 0, statistic = 0;
  for (int count : counts) expected += static_cast<double>(count) / counts.size();
  for (int count : counts) statistic += (count - expected) * (count - expected) / expected;
  return statistic;
}

TEST(Random, BelowIsUniform) {
  for (uint64_t bound : {2, 3, 7, 10, 100}) {
    RandomStream random(11, {bound});
    std::vector<int> counts(bound);
    for (int i = 0; i < 200000; ++i) {
      uint64_t draw = random.Below(bound);
      ASSERT_LT(draw, bound);
      ++counts[draw];
    }
    // Five standard deviations of a chi-square with bound - 1 degrees of freedom.
    double freedom = static_cast<double>(bound - 1);
    EXPECT_LT(ChiSquare(counts), freedom + 5 * std::sqrt(2 * freedom) + 5) << bound;
  }
  EXPECT_EQ(RandomStream(11, {}).Below(1), 0u);
}

TEST(Random, BelowIsUniformOverBoundsThatDoNotDivideTheRange) {
  // Taking the remainder alone would give the lowest third half of the draws.
  const uint64_t bound = 3ull << 62;
  RandomStream random(12, {});
  std::vector<int> thirds(3);
  for (int i = 0; i < 100000; ++i) ++thirds[random.Below(bound) >> 62];
  EXPECT_LT(ChiSquare(thirds), 20);
}

TEST(Random, UniformFillsTheUnitInterval) {
  RandomStream random(13, {});
  std::vector<int> counts(64);
  bool finest = false;
  for (int i = 0; i < 200000; ++i) {
    double x = random.Uniform();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    ++counts[static_cast<int>(x * 64)];
    finest = finest || std::fmod(x * 0x1p52, 1) != 0;
  }
  EXPECT_LT(ChiSquare(counts), 63 + 5 * std::sqrt(126.0));
  EXPECT_TRUE(finest) << "53 bits were promised";
}

TEST(Random, ChanceIsAProbability) {
  RandomStream random(14, {});
  int hits = 0;
  for (int i = 0; i < 100000; ++i) {
    hits += random.Chance(0.25);
    ASSERT_TRUE(random.Chance(1));
    ASSERT_FALSE(random.Chance(0));
  }
  EXPECT_NEAR(hits, 25000, 700);
}

TEST(Random, NormalHasTheMomentsOfTheNormalDistribution) {
  constexpr int kDraws = 1000000;
  RandomStream random(15, {});
  std::array<double, 5> moments = {};
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    double x = random.Normal();
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(x, k) / kDraws;
    beyond_two += std::fabs(x) > 2;
  }
  EXPECT_NEAR(moments[1], 0, 0.005);
  EXPECT_NEAR(moments[2], 1, 0.008);
  EXPECT_NEAR(moments[3], 0, 0.02);
  EXPECT_NEAR(moments[4], 3, 0.05);
  EXPECT_NEAR(static_cast<double>(beyond_two) / kDraws, 0.0455003, 0.001);
}

TEST(Random, WeightedFollowsTheWeights) {
  RandomStream random(16, {});
  const std::array<double, 5> weights = {0, 1, 0, 3, 0};
  std::array<int, 5> counts = {};
  for (int i = 0; i < 100000; ++i) ++counts[random.Weighted(weights)];
  EXPECT_EQ(counts[0] + counts[2] + counts[4], 0);
  EXPECT_NEAR(counts[1], 25000, 700);
  EXPECT_EQ(random.Weighted(std::array{0.0, 0.0, 1e-300}), 2);
}

TEST(Random, PermutationsArePermutationsAndEquallyLikely) {
  RandomStream random(17, {});
  for (int n : {0, 1, 2, 10, 1000}) {
    std::vector<int> order = random.Permutation(n);
    ASSERT_EQ(order.size(), static_cast<size_t>(n));
    std::sort(order.begin(), order.end());
    for (int i = 0; i < n; ++i) ASSERT_EQ(order[i], i);
  }
  std::map<std::vector<int>, int> seen;
  for (int i = 0; i < 24000; ++i) ++seen[random.Permutation(4)];
  ASSERT_EQ(seen.size(), 24u);
  std::vector<int> counts;
  for (const auto& [order, count] : seen) counts.push_back(count);
  EXPECT_LT(ChiSquare(counts), 23 + 5 * std::sqrt(46.0));
}

// The distance from the exact value in units of the last place of the nearest double.
double Ulps(double value, long double exact) {
  double nearest = static_cast<double>(exact);
  double ulp = std::nextafter(std::fabs(nearest), std::numeric_limits<double>::infinity()) -
               std::fabs(nearest);
  return static_cast<double>(std::fabs(static_cast<long double>(value) - exact) / ulp);
}

TEST(Random, PortableLogIsWithinFourUlps) {
  RandomStream random(18, {});
  EXPECT_EQ(PortableLog(1), 0);
  for (int i = 0; i < 500000; ++i) {
    double near_one =
        1 + (random.Uniform() - 0.5) * std::ldexp(1, -static_cast<int>(random.Below(40)));
    double anywhere = std::ldexp(1 + random.Uniform(), static_cast<int>(random.Below(2045)) - 1022);
    for (double x : {near_one, anywhere, random.Uniform() + 0x1p-60}) {
      if (x == 1) continue;
      ASSERT_LE(Ulps(PortableLog(x), std::log(static_cast<long double>(x))), 4) << x;
    }
  }
}

TEST(Random, PortableExp2IsWithinFourUlps) {
  RandomStream random(19, {});
  EXPECT_EQ(PortableExp2(0), 1);
  for (int n = -1000; n <= 1000; ++n) EXPECT_EQ(PortableExp2(n), std::ldexp(1, n));
  for (int i = 0; i < 500000; ++i) {
    for (double x :
         {2000 * random.Uniform() - 1000, 2 * random.Uniform() - 1, 1e-5 * random.Normal()}) {
      ASSERT_LE(Ulps(PortableExp2(x), std::exp2(static_cast<long double>(x))), 4) << x;
    }
  }
}

}  // namespace
}  // namespace lathe
