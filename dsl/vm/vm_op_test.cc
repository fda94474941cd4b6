// Every op on the vm against the reference, with edge values, for operands of every kind.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/text.h"
#include "dsl/vm/executor.h"
#include "dsl/vm/testing/float_run.h"

namespace lathe {
namespace {

using testing::FloatStep;
using testing::FloatTrace;

constexpr double kTolerance = 1e-5;  // of the scale of the output

std::vector<float> EdgesAndMore(size_t n, uint64_t seed) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr std::array<float, 14> kEdges = {0.0f,   -0.0f,   kInfinity, -kInfinity, NAN,
                                            1e-45f, -1e-40f, 1.0f,      -1.0f,      0.5f,
                                            2.0f,   -3.0f,   1e-8f,     -1e-8f};
  RandomStream random(seed, {});
  std::vector<float> numbers;
  while (numbers.size() < n) {
    numbers.push_back(random.Chance(0.4) ? kEdges[random.Below(kEdges.size())]
                                         : static_cast<float>(3 * random.Normal()));
  }
  return numbers;
}

// Equal where either is not finite; else close in the scale of the element itself, so that large
// ones do not hide small ones, or, where terms may cancel, in that of its piece.
void ExpectClose(const FloatTrace& vm, const FloatTrace& reference, bool may_cancel,
                 const std::string& text) {
  ASSERT_EQ(vm.error, "") << text;
  ASSERT_EQ(vm.pieces.size(), reference.pieces.size());
  for (size_t i = 0; i < vm.pieces.size(); ++i) {
    double scale = 1e-37;
    for (double x : reference.pieces[i]) {
      if (may_cancel && std::isfinite(x)) scale = std::max(scale, std::fabs(x));
    }
    for (size_t k = 0; k < vm.pieces[i].size(); ++k) {
      const double a = vm.pieces[i][k], b = reference.pieces[i][k];
      const bool both_nan = std::isnan(a) && std::isnan(b);
      EXPECT_TRUE(both_nan || a == b ||
                  std::fabs(a - b) <= kTolerance * std::max(scale, std::fabs(b)))
          << text << "piece " << i << "[" << k << "] is " << a << ", expected " << b;
    }
  }
}

// What can stand for an operand: a tensor, and what is repeated along its rows, its columns, both.
constexpr std::array<const char*, 5> kOperands = {"g", "w", "by_row", "by_col", "lr"};

std::string TextOf(Op op, const std::array<int, 3>& operands) {
  std::string call = absl::StrCat(std::string(Info(op).name), "(");
  for (int i = 0; i < Info(op).arity; ++i) {
    absl::StrAppend(&call, i == 0 ? "" : ", ", kOperands[operands[i]]);
  }
  return absl::StrCat("lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[]\n",
                      "by_row = reduce_max(g over C)\nby_col = reduce_min(w over R)\n",
                      "update = ", call, ")\n");
}

TEST(VmOp, ElementwiseOpsOfEveryKindOfOperand) {
  const std::vector<Shape> shapes = {{6, 9}, {40, 1}, {1, 1}, {3, 100}};
  for (Op op : AllOps()) {
    if (Info(op).rule != TypeRule::elementwise) continue;
    const int kinds = static_cast<int>(kOperands.size());
    for (int combination = 0; combination < kinds * kinds * kinds; ++combination) {
      const std::array<int, 3> operands = {combination % kinds, combination / kinds % kinds,
                                           combination / kinds / kinds};
      if ((Info(op).arity < 2 && operands[1] > 0) || (Info(op).arity < 3 && operands[2] > 0)) {
        continue;
      }
      const std::string text = TextOf(op, operands);
      const Program program = *ParseOrStatus(text, "p");
      FloatStep step;
      for (int input = 0; input < 2; ++input) {
        auto& arrays = step.inputs.emplace_back();
        for (const Shape& shape : shapes) {
          arrays.push_back(EdgesAndMore(shape.Elements(), 10 * input + arrays.size()));
        }
      }
      step.inputs.push_back({{EdgesAndMore(1, combination)}});
      step.inputs.resize(7);
      step.outputs.emplace_back();
      for (const Shape& shape : shapes) step.outputs[0].emplace_back(shape.Elements());
      const std::vector<FloatStep> steps = {step};
      ExpectClose(RunFloats(VmExecutor(), program, shapes, steps),
                  RunFloats(RoundingReferenceExecutor(), program, shapes, steps),
                  op == Op::lerp || op == Op::fma, text);
      if (HasFailure()) return;
    }
  }
}

// Statements of the other ops, over optimizers.
TEST(VmOp, ReductionsNormalizationsAndMatrices) {
  const std::vector<Shape> shapes = {{6, 9}, {40, 1}, {1, 1}, {3, 100}, {5, 2000}};
  std::vector<std::string> lines;
  for (Op op : AllOps()) {
    const std::string name(Info(op).name);
    for (const char* a : {"g", "by_row", "lr", "n"}) {
      if (NamesAxes(op)) {
        for (const char* axes : {"R", "C", "R,C", "P"}) {
          lines.push_back(absl::StrCat("update = ", name, "(", a, " over ", axes, ")\n"));
        }
      } else if (Info(op).rule != TypeRule::elementwise && Info(op).arity == 1) {
        lines.push_back(absl::StrCat("update = ", name, "(", a, ")\n"));
      } else if (IsReduction(op) || Info(op).rule == TypeRule::normalize_model) {
        for (const char* b : {"w", "by_col", "lr", "n"}) {
          lines.push_back(absl::StrCat("update = ", name, "(", a, ", ", b, ")\n"));
        }
      }
    }
  }
  for (const char* einsum :
       {"a = einsum(g[R,C], w[R,C] -> [R,C])\nupdate = a\n",
        "a = einsum(g[R,C], w[R',C] -> [R,R'])\nb = transpose(a)\nupdate = einsum(b[R,R'], g[R',C] "
        "-> [R,C])\n",
        "a = einsum(g[R,C], w[R,C'] -> [C,C'])\nupdate = einsum(g[R,C'], a[C,C'] -> [R,C])\n",
        "update = einsum(by_row[R], by_col[C] -> [R,C])\n",
        "update = einsum(g[R,C], w[R,C] -> [])\n", "update = einsum(g[R,C], lr[] -> [R])\n"}) {
    lines.push_back(einsum);
  }
  for (const std::string& line : lines) {
    const std::string text = absl::StrCat(
        "lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[]\n",
        "by_row = reduce_max(g over C)\nby_col = reduce_min(w over R)\n", "n = norm(w)\n", line);
    const absl::StatusOr<Program> program = ParseOrStatus(text, "p");
    ASSERT_TRUE(program.ok()) << program.status();
    RandomStream random(5, {});
    const std::vector<FloatStep> steps = testing::RandomSteps(*program, shapes, false, random);
    const FloatTrace vm = RunFloats(VmExecutor(), *program, shapes, steps);
    const FloatTrace reference = RunFloats(ReferenceExecutor(), *program, shapes, steps);
    ASSERT_EQ(vm.error, "") << text;
    for (size_t i = 0; i < vm.pieces.size(); ++i) {
      double scale = 0;
      for (double x : reference.pieces[i]) scale = std::max(scale, std::fabs(x));
      for (size_t k = 0; k < vm.pieces[i].size(); ++k) {
        EXPECT_NEAR(vm.pieces[i][k], reference.pieces[i][k], kTolerance * scale) << text;
      }
    }
    if (HasFailure()) return;
  }
}

// Labels of one operand alone are summed out of it first: together these would be 4e9 products of
// copies that take 5 GB.
TEST(VmOp, EinsumsSumWhatOneOperandHasAlone) {
  const std::vector<Shape> shapes = {{7, 300}, {2, 3}};
  const Program program = *ParseOrStatus(
      "lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[]\n"
      "a = einsum(g[R,C], w[R,C'] -> [R,C,C'])\n"
      "b = einsum(a[R'',C'',C'], a[R,C,C'] -> [R,C'])\n"
      "c = einsum(g[R',C'], b[R,C'] -> [R,C'])\n"
      "update = einsum(c[R,C'], g[R,C] -> [R,C])\n",
      "p");
  RandomStream random(5, {});
  const std::vector<FloatStep> steps = testing::RandomSteps(program, shapes, false, random);
  ExpectClose(RunFloats(VmExecutor(), program, shapes, steps),
              RunFloats(ReferenceExecutor(), program, shapes, steps), true, Print(program));
}

// Sums whose terms cancel, and numbers that float could not hold while they are added.
TEST(VmOp, ReductionsAddInDouble) {
  const std::vector<Shape> shapes = {{100, 100}};
  auto result = [&](const std::string& line, float base, float step) {
    const Program program =
        *ParseOrStatus("lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C]\n" + line, "p");
    FloatStep floats;
    floats.inputs.resize(7);
    for (int input = 0; input < 2; ++input) {
      std::vector<float> numbers(10000);
      for (size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = base + step * static_cast<float>(i % 2);
      floats.inputs[input] = {numbers};
    }
    floats.outputs = {{std::vector<float>(10000)}};
    return RunFloats(VmExecutor(), program, shapes, std::vector<FloatStep>{floats}).pieces[0][0];
  };
  EXPECT_NEAR(result("update = var(g over R,C)\n", 10000, 0.0625f), 0.0625 * 0.0625 / 4, 1e-9);
  EXPECT_NEAR(result("update = var(g over R)\n", 10000, 0), 0, 0);
  EXPECT_NEAR(result("a = norm(g)\nupdate = div(a, 1e30)\n", 1e30f, 0), 100, 1e-4);
  EXPECT_EQ(result("b = abs(w)\na = einsum(g[R,C], b[R',C] -> [R,R'])\n"
                   "update = einsum(a[R,R'], w[R',C] -> [R,C])\n",
                   1e20f, -2e20f),
            0);
  EXPECT_NEAR(result("update = rms(g over R,C)\n", 1e-30f, 0) / 1e-30, 1, 1e-6);
  EXPECT_NEAR(result("update = logsumexp(g over R,C)\n", 1000, 0), 1000 + std::log(10000.0), 1e-3);
}

// States of every kind that take each other's place.
TEST(VmOp, StatesMoveAtOnce) {
  const std::vector<Shape> shapes = {{6, 9}, {40, 1}};
  const Program program = *ParseOrStatus(
      "lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C]\n"
      "state a[] = 1\nstate b[] = 2\nstate c[P] = 3\nstate d[P] = 4\n"
      "state e[P,R,C] = 5\nstate f[P,R,C] = 6\n"
      "next a = b\nnext b = a\nnext c = d\nnext d = c\nnext e = f\nnext f = e\n"
      "x = mul(g, a)\ny = mul(x, c)\nupdate = mul(y, e)\n",
      "p");
  RandomStream random(5, {});
  const std::vector<FloatStep> steps = testing::RandomSteps(program, shapes, false, random);
  ASSERT_GT(steps.size(), 1u);
  ExpectClose(RunFloats(VmExecutor(), program, shapes, steps),
              RunFloats(ReferenceExecutor(), program, shapes, steps), false, Print(program));
}

TEST(VmOp, TheNameIsPartOfTheNumericClass) {
  EXPECT_EQ(VmExecutor().Name(), "vm-f32-1");
}

}  // namespace
}  // namespace lathe
