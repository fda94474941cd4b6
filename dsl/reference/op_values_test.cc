// What each op computes on numbers, against numbers written down here by hand.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "dsl/kernels.h"
#include "dsl/reference/lanes.h"
#include "dsl/testing/model_run.h"

namespace lathe {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kTiny = std::numeric_limits<double>::denorm_min();

struct Row {
  Op op;
  std::vector<double> operands;
  double expected;
  double relative_error = 0;
};

// Correctly rounded functions are expected exactly; those of the math library to 1e-15 (numbers
// from mpmath with 60 digits).
const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {Op::add, {0.1, 0.2}, 0.30000000000000004},
      {Op::add, {-0.0, -0.0}, -0.0},
      {Op::add, {-0.0, 0.0}, 0.0},
      {Op::add, {kMax, kMax}, kInf},
      {Op::add, {kInf, -kInf}, kNaN},
      {Op::add, {1, kNaN}, kNaN},
      {Op::sub, {1, 3}, -2},
      {Op::sub, {0.0, 0.0}, 0.0},
      {Op::sub, {-0.0, 0.0}, -0.0},
      {Op::sub, {kInf, kInf}, kNaN},
      {Op::mul, {-3, 0.5}, -1.5},
      {Op::mul, {0.0, -2}, -0.0},
      {Op::mul, {0.0, kInf}, kNaN},
      {Op::mul, {1e200, -1e200}, -kInf},
      {Op::div, {1, 3}, 0.3333333333333333},
      {Op::div, {1, 0.0}, kInf},
      {Op::div, {1, -0.0}, -kInf},
      {Op::div, {0.0, 0.0}, kNaN},
      {Op::div, {1, kInf}, 0.0},
      {Op::div_eps, {1, 0.0}, 1e8},
      {Op::div_eps, {1, -0.0}, -1e8},
      {Op::div_eps, {0.0, 0.0}, 0.0},
      {Op::div_eps, {3, 2}, 3 / 2.00000001},
      {Op::div_eps, {3, -2}, -3 / 2.00000001},
      {Op::div_eps, {1, kInf}, 0.0},
      {Op::div_eps, {1, kNaN}, kNaN},
      {Op::max, {1, 2}, 2},
      {Op::max, {-1, -2}, -1},
      {Op::max, {-0.0, 0.0}, 0.0},
      {Op::max, {0.0, -0.0}, 0.0},
      {Op::max, {kNaN, kInf}, kNaN},
      {Op::max, {kInf, kNaN}, kNaN},
      {Op::max, {-kInf, -5}, -5},
      {Op::min, {1, 2}, 1},
      {Op::min, {-0.0, 0.0}, -0.0},
      {Op::min, {0.0, -0.0}, -0.0},
      {Op::min, {kNaN, -kInf}, kNaN},
      {Op::min, {-kInf, kNaN}, kNaN},
      {Op::min, {kInf, 5}, 5},
      {Op::pow, {2, 10}, 1024},
      {Op::pow, {0.9, 3}, 0.729, 1e-15},
      {Op::pow, {kNaN, 0.0}, 1},
      {Op::pow, {1, kNaN}, 1},
      {Op::pow, {-8, 1.0 / 3}, kNaN},
      {Op::pow, {-2, 3}, -8},
      {Op::pow, {0.0, -1}, kInf},
      {Op::neg, {0.0}, -0.0},
      {Op::neg, {-kInf}, kInf},
      {Op::neg, {kNaN}, kNaN},
      {Op::abs, {-0.0}, 0.0},
      {Op::abs, {-2.5}, 2.5},
      {Op::abs, {-kInf}, kInf},
      {Op::sign, {kTiny}, 1},
      {Op::sign, {-kInf}, -1},
      {Op::sign, {-0.0}, 0.0},
      {Op::sign, {0.0}, 0.0},
      {Op::sign, {kNaN}, kNaN},
      {Op::square, {-3}, 9},
      {Op::square, {-0.0}, 0.0},
      {Op::square, {1e200}, kInf},
      {Op::sqrt, {2}, 1.4142135623730951},
      {Op::sqrt, {-0.0}, -0.0},
      {Op::sqrt, {-1}, kNaN},
      {Op::sqrt, {kInf}, kInf},
      {Op::sqrt_abs, {-4}, 2},
      {Op::sqrt_abs, {-0.0}, 0.0},
      {Op::sqrt_abs, {-kInf}, kInf},
      {Op::exp, {0.0}, 1},
      {Op::exp, {1}, 2.718281828459045, 1e-15},
      {Op::exp, {-kInf}, 0.0},
      {Op::exp, {1000}, kInf},
      {Op::log, {1}, 0.0},
      {Op::log, {10}, 2.302585092994046, 1e-15},
      {Op::log, {0.0}, -kInf},
      {Op::log, {-1}, kNaN},
      {Op::log_abs, {-10}, 2.302585092994046, 1e-15},
      {Op::log_abs, {-0.0}, -kInf},
      {Op::log_abs, {-kInf}, kInf},
      {Op::tanh, {0.5}, 0.46211715726000976, 1e-15},
      {Op::tanh, {-0.0}, -0.0},
      {Op::tanh, {-kInf}, -1},
      {Op::clip, {5, 2}, 2},
      {Op::clip, {-5, 2}, -2},
      {Op::clip, {5, -2}, 2},
      {Op::clip, {1.5, -2}, 1.5},
      {Op::clip, {-0.0, 1}, -0.0},
      {Op::clip, {-3, 0.0}, -0.0},
      {Op::clip, {kInf, kInf}, kInf},
      {Op::clip, {kNaN, 1}, kNaN},
      {Op::clip, {1, kNaN}, kNaN},
      {Op::lerp, {2, 4, 0.25}, 2.5},
      {Op::lerp, {2, 4, 0.0}, 2},
      {Op::lerp, {2, 4, 1}, 4},
      {Op::lerp, {2, kInf, 0.0}, kNaN},
      {Op::lerp, {10, 0.3, 0.9}, (1 - 0.9) * 10 + 0.9 * 0.3},
      {Op::fma, {0.1, 10, -1}, 5.551115123125783e-17},
      {Op::fma, {kMax, 2, -kMax}, kMax},
      {Op::fma, {-0.0, 1, -0.0}, -0.0},
      {Op::fma, {kInf, 0.0, 1}, kNaN},
      {Op::fma, {kInf, 1, -kInf}, kNaN},
      {Op::fma, {0.0, 1, kNaN}, kNaN},
      {Op::reciprocal, {3}, 0.3333333333333333},
      {Op::reciprocal, {0.0}, kInf},
      {Op::reciprocal, {-0.0}, -kInf},
      {Op::reciprocal, {-kInf}, -0.0},
      {Op::reciprocal, {kNaN}, kNaN},
      {Op::cube, {-3}, -27},
      {Op::cube, {0.1}, 0.0010000000000000002},
      {Op::cube, {-0.0}, -0.0},
      {Op::cube, {-1e+150}, -kInf},
      {Op::cube, {kNaN}, kNaN},
      {Op::sqrt_signed, {-4}, -2},
      {Op::sqrt_signed, {2}, 1.4142135623730951},
      {Op::sqrt_signed, {-0.0}, -0.0},
      {Op::sqrt_signed, {-kInf}, -kInf},
      {Op::sqrt_signed, {kNaN}, kNaN},
      {Op::cbrt, {-27}, -3, 1e-15},
      {Op::cbrt, {2}, 1.2599210498948732, 1e-15},
      {Op::cbrt, {-0.0}, -0.0},
      {Op::cbrt, {-kInf}, -kInf},
      {Op::cbrt, {kNaN}, kNaN},
      {Op::exp2, {10}, 1024, 1e-15},
      {Op::exp2, {0.5}, 1.4142135623730951, 1e-15},
      {Op::exp2, {-1074}, kTiny},
      {Op::exp2, {-kInf}, 0.0},
      {Op::exp2, {1024}, kInf},
      {Op::exp2, {kNaN}, kNaN},
      {Op::exp10, {3}, 1000, 1e-15},
      {Op::exp10, {-2}, 0.01, 1e-15},
      {Op::exp10, {0.5}, 3.1622776601683795, 1e-15},
      {Op::exp10, {-kInf}, 0.0},
      {Op::exp10, {400}, kInf},
      {Op::exp10, {kNaN}, kNaN},
      {Op::expm1, {1}, 1.7182818284590453, 1e-15},
      {Op::expm1, {1e-10}, 1.00000000005e-10, 1e-15},
      {Op::expm1, {-0.0}, -0.0},
      {Op::expm1, {-kInf}, -1},
      {Op::expm1, {1000}, kInf},
      {Op::expm1, {kNaN}, kNaN},
      {Op::log2, {8}, 3, 1e-15},
      {Op::log2, {10}, 3.321928094887362, 1e-15},
      {Op::log2, {-0.0}, -kInf},
      {Op::log2, {-1}, kNaN},
      {Op::log2, {kInf}, kInf},
      {Op::log10, {1000}, 3, 1e-15},
      {Op::log10, {2}, 0.3010299956639812, 1e-15},
      {Op::log10, {0.0}, -kInf},
      {Op::log10, {-1}, kNaN},
      {Op::log10, {kInf}, kInf},
      {Op::log1p, {1}, 0.6931471805599453, 1e-15},
      {Op::log1p, {1e-10}, 9.999999999500001e-11, 1e-15},
      {Op::log1p, {-0.0}, -0.0},
      {Op::log1p, {-1}, -kInf},
      {Op::log1p, {-2}, kNaN},
      {Op::log1p, {kInf}, kInf},
      {Op::log2_abs, {-8}, 3, 1e-15},
      {Op::log2_abs, {-0.1}, -3.321928094887362, 1e-15},
      {Op::log2_abs, {-0.0}, -kInf},
      {Op::log2_abs, {-kInf}, kInf},
      {Op::log2_abs, {kNaN}, kNaN},
      {Op::log10_abs, {-1000}, 3, 1e-15},
      {Op::log10_abs, {-0.5}, -0.3010299956639812, 1e-15},
      {Op::log10_abs, {0.0}, -kInf},
      {Op::log10_abs, {-kInf}, kInf},
      {Op::log10_abs, {kNaN}, kNaN},
      {Op::log1p_abs, {-3}, 0.6931471805599453, 1e-15},
      {Op::log1p_abs, {1}, 0.6931471805599453, 1e-15},
      {Op::log1p_abs, {0.0}, 0.0},
      {Op::log1p_abs, {-2}, 0.0},
      {Op::log1p_abs, {-1}, -kInf},
      {Op::log1p_abs, {-kInf}, kInf},
      {Op::log1p_abs, {kNaN}, kNaN},
      {Op::log_signed, {10}, 2.302585092994046, 1e-15},
      {Op::log_signed, {-10}, -2.302585092994046, 1e-15},
      {Op::log_signed, {-0.5}, 0.6931471805599453, 1e-15},
      {Op::log_signed, {-1}, -0.0},
      {Op::log_signed, {0.0}, kNaN},
      {Op::log_signed, {-0.0}, kNaN},
      {Op::log_signed, {-kInf}, -kInf},
      {Op::log_signed, {kNaN}, kNaN},
      {Op::sin, {1}, 0.8414709848078965, 1e-15},
      {Op::sin, {1e+22}, -0.8522008497671888, 1e-15},
      {Op::sin, {-0.0}, -0.0},
      {Op::sin, {kInf}, kNaN},
      {Op::cos, {1}, 0.5403023058681398, 1e-15},
      {Op::cos, {1e+22}, 0.523214785395139, 1e-15},
      {Op::cos, {-0.0}, 1},
      {Op::cos, {-kInf}, kNaN},
      {Op::tan, {1}, 1.5574077246549023, 1e-15},
      {Op::tan, {1.5707963267948966}, 1.633123935319537e+16, 1e-15},
      {Op::tan, {-0.0}, -0.0},
      {Op::tan, {kInf}, kNaN},
      {Op::asin, {1}, 1.5707963267948966, 1e-15},
      {Op::asin, {-0.5}, -0.5235987755982989, 1e-15},
      {Op::asin, {-0.0}, -0.0},
      {Op::asin, {1.5}, kNaN},
      {Op::asin, {kNaN}, kNaN},
      {Op::acos, {-1}, 3.141592653589793, 1e-15},
      {Op::acos, {0.5}, 1.0471975511965979, 1e-15},
      {Op::acos, {1}, 0.0},
      {Op::acos, {-2}, kNaN},
      {Op::acos, {kNaN}, kNaN},
      {Op::atan, {-1}, -0.7853981633974483, 1e-15},
      {Op::atan, {kInf}, 1.5707963267948966, 1e-15},
      {Op::atan, {-0.0}, -0.0},
      {Op::atan, {kNaN}, kNaN},
      {Op::sinh, {1}, 1.1752011936438014, 1e-15},
      {Op::sinh, {1e-10}, 1e-10, 1e-15},
      {Op::sinh, {-0.0}, -0.0},
      {Op::sinh, {-1000}, -kInf},
      {Op::sinh, {kNaN}, kNaN},
      {Op::cosh, {1}, 1.5430806348152437, 1e-15},
      {Op::cosh, {-0.5}, 1.1276259652063807, 1e-15},
      {Op::cosh, {-0.0}, 1},
      {Op::cosh, {-kInf}, kInf},
      {Op::cosh, {kNaN}, kNaN},
      {Op::asinh, {1}, 0.881373587019543, 1e-15},
      {Op::asinh, {-10000000000}, -23.7189981105004, 1e-15},
      {Op::asinh, {-0.0}, -0.0},
      {Op::asinh, {-kInf}, -kInf},
      {Op::asinh, {kNaN}, kNaN},
      {Op::acosh, {2}, 1.3169578969248168, 1e-15},
      {Op::acosh, {10000000000}, 23.7189981105004, 1e-15},
      {Op::acosh, {1}, 0.0},
      {Op::acosh, {0.5}, kNaN},
      {Op::acosh, {kInf}, kInf},
      {Op::atanh, {0.5}, 0.5493061443340549, 1e-15},
      {Op::atanh, {-1e-10}, -1e-10, 1e-15},
      {Op::atanh, {-0.0}, -0.0},
      {Op::atanh, {1}, kInf},
      {Op::atanh, {-1}, -kInf},
      {Op::atanh, {2}, kNaN},
      {Op::sigmoid, {0.0}, 0.5},
      {Op::sigmoid, {1}, 0.7310585786300049, 1e-15},
      {Op::sigmoid, {-30}, 9.357622968839299e-14, 1e-15},
      {Op::sigmoid, {-1000}, 0.0},
      {Op::sigmoid, {kInf}, 1},
      {Op::sigmoid, {-kInf}, 0.0},
      {Op::sigmoid, {kNaN}, kNaN},
      {Op::silu, {1}, 0.7310585786300049, 1e-15},
      {Op::silu, {-2}, -0.23840584404423512, 1e-15},
      {Op::silu, {-0.0}, -0.0},
      {Op::silu, {-1000}, -0.0},
      {Op::silu, {kInf}, kInf},
      {Op::silu, {-kInf}, kNaN},
      {Op::silu, {kNaN}, kNaN},
      {Op::gelu, {1}, 0.8413447460685429, 1e-15},
      {Op::gelu, {-3}, -0.0040496940948902835, 1e-14},
      {Op::gelu, {0.1}, 0.053982783727702904, 1e-15},
      {Op::gelu, {-0.0}, -0.0},
      {Op::gelu, {-40}, -0.0},
      {Op::gelu, {kInf}, kInf},
      {Op::gelu, {-kInf}, kNaN},
      {Op::gelu, {kNaN}, kNaN},
      {Op::softplus, {0.0}, 0.6931471805599453, 1e-15},
      {Op::softplus, {1}, 1.3132616875182228, 1e-15},
      {Op::softplus, {-40}, 4.248354255291589e-18, 1e-15},
      {Op::softplus, {1000}, 1000},
      {Op::softplus, {kInf}, kInf},
      {Op::softplus, {-kInf}, 0.0},
      {Op::softplus, {kNaN}, kNaN},
      {Op::erf, {0.5}, 0.5204998778130465, 1e-15},
      {Op::erf, {-2}, -0.9953222650189527, 1e-15},
      {Op::erf, {-0.0}, -0.0},
      {Op::erf, {kInf}, 1},
      {Op::erf, {-kInf}, -1},
      {Op::erf, {kNaN}, kNaN},
      {Op::less, {1, 2}, 1},
      {Op::less, {2, 2}, 0.0},
      {Op::less, {3, 2}, 0.0},
      {Op::less, {-0.0, 0.0}, 0.0},
      {Op::less, {-kInf, kInf}, 1},
      {Op::less, {kNaN, 1}, 0.0},
      {Op::less, {1, kNaN}, 0.0},
      {Op::less_equal, {1, 2}, 1},
      {Op::less_equal, {2, 2}, 1},
      {Op::less_equal, {3, 2}, 0.0},
      {Op::less_equal, {0.0, -0.0}, 1},
      {Op::less_equal, {kInf, kInf}, 1},
      {Op::less_equal, {kNaN, 1}, 0.0},
      {Op::less_equal, {kNaN, kNaN}, 0.0},
      {Op::equal, {2, 2}, 1},
      {Op::equal, {1, 1.0000000000000002}, 0.0},
      {Op::equal, {0.0, -0.0}, 1},
      {Op::equal, {kInf, kInf}, 1},
      {Op::equal, {kInf, -kInf}, 0.0},
      {Op::equal, {kNaN, kNaN}, 0.0},
      {Op::where, {1, 2, 3}, 2},
      {Op::where, {0.0, 2, 3}, 3},
      {Op::where, {-0.0, 2, 3}, 3},
      {Op::where, {kNaN, 2, 3}, 2},
      {Op::where, {kTiny, -0.0, 1}, -0.0},
      {Op::where, {0.0, kNaN, -0.0}, -0.0},
      {Op::where, {-kInf, kNaN, 1}, kNaN},
  };
  return rows;
}

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
