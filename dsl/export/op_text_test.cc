#include "dsl/export/op_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(OpTextTest, NumbersStandNextToSignsOnly) {
  EXPECT_TRUE(TakesNumbers("{a} + {b}", 0));
  EXPECT_TRUE(TakesNumbers("(1 - {c}) * {a} + {c} * {b}", 2));
  EXPECT_FALSE(TakesNumbers("torch.maximum({a}, {b})", 0));
  EXPECT_FALSE(TakesNumbers("{a}.sign() * {a}.abs().log()", 0));
  EXPECT_FALSE(TakesNumbers("{a} / ({b} + torch.full_like({b}, 1e-8))", 1));
}

TEST(OpTextTest, NothingOfPythonIsLeftInCpp) {
  for (const Op op : AllOps()) {
    const std::string text = LibtorchText(op);
    for (const char* python : {"torch.", "lathe.", "keepdim=True", "=False", "**", ".dtype"}) {
      EXPECT_THAT(text, Not(HasSubstr(python))) << Info(op).name;
    }
  }
}

TEST(OpTextTest, ScalarsAreWrittenOut) {
  const std::vector<std::string> operands = {"x", "(-0.5)", "z"};
  EXPECT_EQ(ScalarText(Op::lerp, operands), "(1.0 - z) * x + z * (-0.5)");
  EXPECT_EQ(ScalarText(Op::pow, std::vector<std::string>{"x", "t"}), "std::pow(x, t)");
  EXPECT_EQ(ScalarText(Op::div_eps, std::vector<std::string>{"b", "a"}),
            "b / (a + std::copysign(1e-8, a))");
}

TEST(OpTextTest, ConditionsAreFunctions) {
  EXPECT_EQ(ScalarText(Op::less, std::vector<std::string>{"x", "y"}), "op_less(x, y)");
  EXPECT_EQ(ScalarFunction(Op::less),
            "inline double op_less(double a, double b) {\n  return a < b ? 1.0 : 0.0;\n}\n");
  EXPECT_EQ(ScalarFunction(Op::add), "");
}

}  // namespace
}  // namespace lathe
