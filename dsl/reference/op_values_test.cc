// What each elementwise op computes, against numbers written down here by hand.
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

// Correctly rounded functions are expected exactly; those of the math library to 1e-15.
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

TEST(ReferenceOpValues, ReductionsOfNumbers) {
  auto reduce = [](Op op, const std::vector<double>& numbers) {
    double total = reference::kReductionStart;
    for (double number : numbers) total = reference::AddToReduction(op, total, number);
    return reference::FinishReduction(op, total, static_cast<double>(numbers.size()));
  };
  EXPECT_EQ(reduce(Op::sum, {1, 2, 4}), 7);
  EXPECT_EQ(reduce(Op::mean, {1, 2, 6}), 3);
  EXPECT_EQ(reduce(Op::norm, {3, -4}), 5);
  EXPECT_EQ(reduce(Op::global_norm, {2, -3, 6}), 7);
  EXPECT_TRUE(std::signbit(reduce(Op::sum, {-0.0, -0.0})));
  EXPECT_TRUE(std::signbit(reduce(Op::mean, {-0.0})));
  EXPECT_FALSE(std::signbit(reduce(Op::sum, {-0.0, 0.0})));
  EXPECT_FALSE(std::signbit(reduce(Op::norm, {-0.0})));
  EXPECT_EQ(reduce(Op::mean, {kInf, 1}), kInf);
  EXPECT_EQ(reduce(Op::norm, {-kInf, 1}), kInf);
  for (Op op : {Op::sum, Op::mean, Op::norm, Op::global_norm}) {
    EXPECT_TRUE(std::isnan(reduce(op, {1, kNaN}))) << Info(op).name;
  }
  EXPECT_TRUE(std::isnan(reduce(Op::sum, {kInf, -kInf})));
}

}  // namespace
}  // namespace lathe
