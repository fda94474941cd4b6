// What each op computes on numbers, against numbers written down here by hand.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "dsl/kernels.h"
#include "dsl/reference/lanes.h"
#include "dsl/reference/op_value_rows.h"
#include "dsl/testing/model_run.h"

namespace lathe {
namespace {

double Computed(const Row& row) {
  reference::Lanes lanes;
  for (size_t i = 0; i < row.operands.size(); ++i) lanes[i] = {&row.operands[i], 0};
  double out = 12345;
  reference::ApplyElementwise(row.op, 1, lanes, &out);
  return out;
}

TEST(ReferenceOpValues, AreThoseWrittenDown) {
  for (const Row& row : Rows()) {
    ASSERT_EQ(static_cast<int>(row.operands.size()), Info(row.op).arity) << Info(row.op).name;
    double computed = Computed(row);
    // Without a tolerance by bits, so that 0 is not -0.
    bool good = row.relative_error == 0
                    ? testing::SameBits(computed, row.expected)
                    : std::fabs(computed / row.expected - 1) <= row.relative_error;
    EXPECT_TRUE(good) << Info(row.op).name << "(" << row.operands[0] << ", ...) is " << computed
                      << ", expected " << row.expected;
  }
}

TEST(ReferenceOpValues, CoverEveryElementwiseOp) {
  std::map<Op, int> rows;
  for (const Row& row : Rows()) ++rows[row.op];
  for (Op op : AllOps()) {
    if (Info(op).rule != TypeRule::elementwise) continue;
    EXPECT_GE(rows[op], 3) << Info(op).name;
  }
}

// One number stands for all where a lane does not move, and the result may overwrite an operand.
TEST(ReferenceOpValues, LanesMoveOrStandStill) {
  for (int moving = 0; moving < 8; ++moving) {
    std::array<std::array<double, 3>, 3> data = {{{1, 2, 3}, {10, 20, 30}, {0.5, 0.25, 2}}};
    reference::Lanes lanes;
    std::array<double, 3> expected;
    for (int i = 0; i < 3; ++i) lanes[i] = {data[i].data(), moving >> i & 1};
    for (int k = 0; k < 3; ++k) {
      auto at = [&](int i) { return data[i][(moving >> i & 1) * k]; };
      expected[k] = (1 - at(2)) * at(0) + at(2) * at(1);
    }
    std::array<double, 3> out = {};
    reference::ApplyElementwise(Op::lerp, 3, lanes, out.data());
    EXPECT_EQ(out, expected) << moving;
    if (moving == 7) {
      reference::ApplyElementwise(Op::lerp, 3, lanes, data[0].data());
      EXPECT_EQ(data[0], expected);
    }
  }
}

using Numbers = std::vector<double>;

double Reduced(Op op, const Numbers& a, const Numbers& b = {}) {
  return reference::FinishMoment(op, reference::ReduceGroup(op, a, b));
}

Numbers Normalized(Op op, Numbers a) {
  reference::NormalizeGroup(op, a);
  return a;
}

TEST(ReferenceOpValues, ReductionsOfNumbers) {
  EXPECT_EQ(Reduced(Op::sum, {1, 2, 4}), 7);
  EXPECT_EQ(Reduced(Op::mean, {1, 2, 6}), 3);
  EXPECT_EQ(Reduced(Op::mean_square, {1, -2, 4}), 7);
  EXPECT_EQ(Reduced(Op::rms, {1, -7, 5, 5}), 5);
  EXPECT_EQ(Reduced(Op::var, {1, 3, 5, 7}), 5);  // around 4: 9, 1, 1, 9, divided by 4
  EXPECT_EQ(Reduced(Op::stddev, {2, 4, 4, 4, 5, 5, 7, 9}), 2);
  EXPECT_EQ(Reduced(Op::reduce_max, {-3, -1, -2}), -1);
  EXPECT_EQ(Reduced(Op::reduce_min, {3, 1, 2}), 1);
  EXPECT_NEAR(Reduced(Op::logsumexp, {1, 2, 3}), 3.4076059644443806, 1e-15);
  EXPECT_EQ(Reduced(Op::norm, {3, -4}), 5);
  EXPECT_EQ(Reduced(Op::global_norm, {2, -3, 6}), 7);
  EXPECT_EQ(Reduced(Op::dot, {1, 2, 3}, {4, -5, 6}), 12);
  EXPECT_EQ(Reduced(Op::cosine_sim, {3, 4}, {4, 3}), 24. / 25);
  EXPECT_EQ(Reduced(Op::cosine_sim, {3, 4}, {-6, -8}), -1);
}

TEST(ReferenceOpValues, MomentsAreWhatBuffersKeep) {
  for (Op op : {Op::rms, Op::stddev, Op::norm, Op::global_norm}) {
    EXPECT_EQ(reference::FinishMoment(op, 49), 7) << Info(op).name;
  }
  EXPECT_EQ(reference::ReduceGroup(Op::rms, Numbers{1, -7, 5, 5}, {}), 25);
  EXPECT_EQ(reference::ReduceGroup(Op::stddev, Numbers{1, 3, 5, 7}, {}), 5);
  EXPECT_EQ(reference::ReduceGroup(Op::norm, Numbers{3, -4}, {}), 25);
  for (Op op : {Op::sum, Op::mean, Op::mean_square, Op::var, Op::reduce_max, Op::reduce_min,
                Op::logsumexp, Op::dot, Op::cosine_sim}) {
    EXPECT_EQ(reference::FinishMoment(op, 49), 49) << Info(op).name;
  }
}

// The largest number goes out before exp, the mean before squaring.
TEST(ReferenceOpValues, ReductionsOfLargeNumbers) {
  EXPECT_NEAR(Reduced(Op::logsumexp, {1000, 1000}), 1000.6931471805599, 1e-12);
  EXPECT_EQ(Reduced(Op::logsumexp, {-1000, 1000}), 1000);
  EXPECT_EQ(Reduced(Op::var, {1e9 + 1, 1e9 + 3}), 1);
  EXPECT_EQ(Reduced(Op::mean_square, {1e200, 1}), kInf);
  EXPECT_EQ(Reduced(Op::cosine_sim, {1e200, 1}, {1, 0}), 0);  // 1e200 / (inf * 1)
}

TEST(ReferenceOpValues, ReductionsOfOneNumber) {
  for (double x : {2.5, -2.5, kTiny, kInf, -kInf, 0.0, -0.0}) {
    for (Op op : {Op::sum, Op::mean, Op::reduce_max, Op::reduce_min}) {
      EXPECT_TRUE(testing::SameBits(Reduced(op, {x}), x)) << Info(op).name << " of " << x;
    }
    EXPECT_EQ(Reduced(Op::logsumexp, {x}), x);
    EXPECT_TRUE(testing::SameBits(Reduced(Op::var, {x}), std::isinf(x) ? kNaN : 0.0)) << x;
    EXPECT_TRUE(testing::SameBits(Normalized(Op::softmax, {x})[0], std::isinf(x) ? kNaN : 1)) << x;
  }
  // 0 is the logarithm of exp(-0).
  EXPECT_FALSE(std::signbit(Reduced(Op::logsumexp, {-0.0})));
}

TEST(ReferenceOpValues, ReductionsOfZeros) {
  EXPECT_TRUE(std::signbit(Reduced(Op::sum, {-0.0, -0.0})));
  EXPECT_TRUE(std::signbit(Reduced(Op::mean, {-0.0})));
  EXPECT_FALSE(std::signbit(Reduced(Op::sum, {-0.0, 0.0})));
  for (Op op : {Op::mean_square, Op::rms, Op::var, Op::stddev, Op::norm, Op::global_norm}) {
    EXPECT_TRUE(testing::SameBits(Reduced(op, {-0.0, -0.0}), 0.0)) << Info(op).name;
  }
  for (const Numbers& zeros : {Numbers{-0.0, 0.0}, Numbers{0.0, -0.0}}) {
    EXPECT_FALSE(std::signbit(Reduced(Op::reduce_max, zeros)));
    EXPECT_TRUE(std::signbit(Reduced(Op::reduce_min, zeros)));
  }
  EXPECT_TRUE(testing::SameBits(Reduced(Op::dot, {0.0, 1}, {-1, -0.0}), -0.0));
  EXPECT_TRUE(std::isnan(Reduced(Op::cosine_sim, {0.0, 0.0}, {1, 2})));
}

TEST(ReferenceOpValues, ReductionsOfInfinities) {
  EXPECT_EQ(Reduced(Op::mean, {kInf, 1}), kInf);
  EXPECT_TRUE(std::isnan(Reduced(Op::sum, {kInf, -kInf})));
  for (Op op : {Op::mean_square, Op::rms, Op::norm, Op::global_norm}) {
    EXPECT_EQ(Reduced(op, {-kInf, 1}), kInf) << Info(op).name;
  }
  for (Op op : {Op::var, Op::stddev}) {
    EXPECT_TRUE(std::isnan(Reduced(op, {kInf, 1}))) << Info(op).name;
  }
  EXPECT_EQ(Reduced(Op::reduce_max, {1, kInf, -kInf}), kInf);
  EXPECT_EQ(Reduced(Op::reduce_max, {-kInf, -kInf}), -kInf);
  EXPECT_EQ(Reduced(Op::reduce_min, {1, kInf, -kInf}), -kInf);
  EXPECT_EQ(Reduced(Op::logsumexp, {1, kInf, -kInf}), kInf);
  EXPECT_EQ(Reduced(Op::logsumexp, {-kInf, -kInf}), -kInf);
  EXPECT_EQ(Reduced(Op::logsumexp, {-kInf, 2}), 2);
  EXPECT_TRUE(std::isnan(Reduced(Op::dot, {kInf, 1}, {0.0, 1})));
  EXPECT_EQ(Reduced(Op::dot, {kInf, 1}, {-2, 1}), -kInf);
  EXPECT_TRUE(std::isnan(Reduced(Op::cosine_sim, {kInf, 1}, {1, 1})));
}

TEST(ReferenceOpValues, ANaNMakesEveryReductionNaN) {
  for (Op op : AllOps()) {
    if (!IsReduction(op)) continue;
    for (const Numbers& a :
         {Numbers{1, kNaN, 2}, Numbers{kNaN, kInf, 1}, Numbers{-kInf, 1, kNaN}}) {
      const Numbers b = Info(op).arity == 2 ? Numbers{1, 2, 3} : Numbers{};
      EXPECT_TRUE(std::isnan(Reduced(op, a, b))) << Info(op).name;
      if (b.empty()) continue;
      EXPECT_TRUE(std::isnan(Reduced(op, b, a))) << Info(op).name;
    }
  }
}

TEST(ReferenceOpValues, SoftmaxOfNumbers) {
  const Numbers three = Normalized(Op::softmax, {1, 2, 3});
  EXPECT_NEAR(three[0], 0.09003057317038046, 1e-16);
  EXPECT_NEAR(three[1], 0.24472847105479764, 1e-16);
  EXPECT_NEAR(three[2], 0.6652409557748219, 1e-15);
  EXPECT_EQ(Normalized(Op::softmax, {1000, 1000}), (Numbers{0.5, 0.5}));
  EXPECT_EQ(Normalized(Op::softmax, {-1000, 1000}), (Numbers{0, 1}));
  EXPECT_EQ(Normalized(Op::softmax, {-kInf, 7}), (Numbers{0, 1}));
  for (const Numbers& undefined :
       {Numbers{kInf, 1}, Numbers{-kInf, -kInf}, Numbers{kNaN, 1}, Numbers{1, kNaN}}) {
    for (double x : Normalized(Op::softmax, undefined)) EXPECT_TRUE(std::isnan(x));
  }
}

TEST(ReferenceOpValues, FactorsThatClipANorm) {
  using Clip = kernels::clip_by_global_norm;
  EXPECT_EQ(Clip::Factor(10, 5), 0.5);
  EXPECT_EQ(Clip::Factor(10, -5), 0.5);
  EXPECT_EQ(Clip::Factor(5, 5), 1);
  EXPECT_EQ(Clip::Factor(4, -5), 1);
  EXPECT_EQ(Clip::Factor(0, 0), 1);
  EXPECT_EQ(Clip::Factor(3, 0), 0);
  EXPECT_EQ(Clip::Factor(kInf, 2), 0);
  EXPECT_EQ(Clip::Factor(kInf, -kInf), 1);
  EXPECT_EQ(Clip::Factor(2, kInf), 1);
  EXPECT_TRUE(std::isnan(Clip::Factor(kNaN, 1)));
  EXPECT_TRUE(std::isnan(Clip::Factor(1, kNaN)));
}

}  // namespace
}  // namespace lathe
