// Broadcasting and reductions of the reference executor over parameters of different shapes.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "dsl/testing/model_run.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::Arrays;

const std::vector<Shape> kShapes = {{2, 3}, {4, 1}};
// Parameter after parameter, row-major.
const std::vector<double> kG = {1, 2, 3, 4, 5, 6, /**/ -1, 10, -100, 1000};

// The updates, in the order of kG, of a program whose last line defines it.
std::vector<double> Updates(const std::string& lines, const std::vector<double>& w = {}) {
  absl::StatusOr<Program> program = ParseOrStatus(
      "lathe 1 optimizer p\n"
      "input  w[P,R,C] g[P,R,C] lr[] t[] total_steps[] rows[P] cols[P]\n" +
          lines,
      "p");
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  Arrays inputs = testing::ZeroInputs(OptimizerSignature(), kShapes);
  inputs[1] = {{kG.begin(), kG.begin() + 6}, {kG.begin() + 6, kG.end()}};
  if (!w.empty()) inputs[0] = {{w.begin(), w.begin() + 6}, {w.begin() + 6, w.end()}};
  inputs[2][0][0] = 0.5;
  inputs[3][0][0] = 7;
  inputs[4][0][0] = 100;
  return testing::RunSteps(*program, kShapes, std::vector<Arrays>{inputs});
}

using Numbers = std::vector<double>;

TEST(ReferenceShapes, SumsOverEveryAxisSet) {
  EXPECT_EQ(Updates("update = sum(g over R)\n"), (Numbers{5, 7, 9, 5, 7, 9, 909, 909, 909, 909}));
  EXPECT_EQ(Updates("update = sum(g over C)\n"),
            (Numbers{6, 6, 6, 15, 15, 15, -1, 10, -100, 1000}));
  EXPECT_EQ(Updates("update = sum(g over R,C)\n"),
            (Numbers{21, 21, 21, 21, 21, 21, 909, 909, 909, 909}));
  for (const char* axes : {"P", "P,R", "P,C", "P,R,C"}) {
    EXPECT_EQ(Updates(std::string("update = sum(g over ") + axes + ")\n"), Numbers(10, 930))
        << axes;
  }
}

TEST(ReferenceShapes, MeansOverEveryAxisSet) {
  EXPECT_EQ(Updates("update = mean(g over R)\n"),
            (Numbers{2.5, 3.5, 4.5, 2.5, 3.5, 4.5, 227.25, 227.25, 227.25, 227.25}));
  EXPECT_EQ(Updates("update = mean(g over C)\n"), (Numbers{2, 2, 2, 5, 5, 5, -1, 10, -100, 1000}));
  EXPECT_EQ(Updates("update = mean(g over R,C)\n"),
            (Numbers{3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 227.25, 227.25, 227.25, 227.25}));
  for (const char* axes : {"P", "P,R", "P,C", "P,R,C"}) {
    EXPECT_EQ(Updates(std::string("update = mean(g over ") + axes + ")\n"), Numbers(10, 93))
        << axes;
  }
}

TEST(ReferenceShapes, NormsOfParametersAndOfTheModel) {
  double first = std::sqrt(1. + 4 + 9 + 16 + 25 + 36), second = std::sqrt(1. + 100 + 1e4 + 1e6);
  EXPECT_EQ(Updates("update = norm(g)\n"),
            (Numbers{first, first, first, first, first, first, second, second, second, second}));
  EXPECT_EQ(Updates("update = global_norm(g)\n"), Numbers(10, std::sqrt(91. + 1010101)));
  // Of values with fewer axes the elements that there are count.
  EXPECT_EQ(Updates("a = sum(g over R)\nupdate = norm(a)\n")[0], std::sqrt(25. + 49 + 81));
  EXPECT_EQ(Updates("a = sum(g over R,C)\nupdate = norm(a)\n")[0], 21);
  EXPECT_EQ(Updates("a = sum(g over R,C)\nupdate = global_norm(a)\n")[0],
            std::sqrt(21. * 21 + 909. * 909));
  EXPECT_EQ(Updates("a = neg(lr)\nupdate = global_norm(a)\n"), Numbers(10, 0.5));
}

TEST(ReferenceShapes, ReductionsOfReductions) {
  EXPECT_EQ(Updates("a = sum(g over R)\nupdate = sum(a over C)\n")[0], 21);
  EXPECT_EQ(Updates("a = sum(g over C)\nupdate = mean(a over R)\n")[0], 10.5);
  // [P] over P: one number a parameter, whatever its size.
  EXPECT_EQ(Updates("a = mean(g over R,C)\nupdate = sum(a over P)\n"), Numbers(10, 3.5 + 227.25));
  EXPECT_EQ(Updates("a = mean(g over R,C)\nupdate = mean(a over P)\n"),
            Numbers(10, (3.5 + 227.25) / 2));
  // [P,R] over P: six rows in all.
  EXPECT_EQ(Updates("a = sum(g over C)\nupdate = mean(a over P)\n"), Numbers(10, 930. / 6));
  EXPECT_EQ(Updates("a = sum(g over R)\nupdate = mean(a over P)\n"), Numbers(10, 930. / 4));
}

TEST(ReferenceShapes, ReductionsOverAbsentAxesChangeNothing) {
  EXPECT_EQ(Updates("a = sum(g over R,C)\nupdate = sum(a over R,C)\n"),
            Updates("update = sum(g over R,C)\n"));
  EXPECT_EQ(Updates("a = sum(g over R)\nupdate = mean(a over R)\n"),
            Updates("update = sum(g over R)\n"));
  EXPECT_EQ(Updates("update = sum(lr over P)\n"), Numbers(10, 0.5));
}

TEST(ReferenceShapes, BroadcastingTakesTheUnionOfAxes) {
  // Column sums plus row sums.
  EXPECT_EQ(Updates("a = sum(g over R)\nb = sum(g over C)\nupdate = add(a, b)\n"),
            (Numbers{5 + 6, 7 + 6, 9 + 6, 5 + 15, 7 + 15, 9 + 15, 909 - 1, 909 + 10, 909 - 100,
                     909 + 1000}));
  // Every pair of types.
  EXPECT_EQ(Updates("a = sum(g over R)\nupdate = sub(g, a)\n"),
            (Numbers{1 - 5, 2 - 7, 3 - 9, 4 - 5, 5 - 7, 6 - 9, -1 - 909, 10 - 909, -100 - 909,
                     1000 - 909}));
  EXPECT_EQ(Updates("b = sum(g over C)\nupdate = sub(b, g)\n"),
            (Numbers{6 - 1, 6 - 2, 6 - 3, 15 - 4, 15 - 5, 15 - 6, 0, 0, 0, 0}));
  EXPECT_EQ(Updates("b = sum(g over C)\nc = sum(g over R,C)\nupdate = sub(b, c)\n"),
            (Numbers{6 - 21, 6 - 21, 6 - 21, 15 - 21, 15 - 21, 15 - 21, -1 - 909, 10 - 909,
                     -100 - 909, 1000 - 909}));
  EXPECT_EQ(Updates("a = sum(g over R)\nc = sum(g over R,C)\nupdate = sub(a, c)\n"),
            (Numbers{5 - 21, 7 - 21, 9 - 21, 5 - 21, 7 - 21, 9 - 21, 0, 0, 0, 0}));
  EXPECT_EQ(Updates("a = sum(g over R)\nb = mul(a, lr)\nupdate = sub(b, 0.5)\n"),
            (Numbers{2, 3, 4, 2, 3, 4, 454, 454, 454, 454}));
}

TEST(ReferenceShapes, ThreeOperandsOfThreeTypes) {
  // (1 - c) a + c b with a by column, b by row and c by parameter (cols is 3, then 1).
  EXPECT_EQ(Updates("a = sum(g over R)\nb = sum(g over C)\nupdate = lerp(a, b, cols)\n"),
            (Numbers{-2 * 5 + 3 * 6, -2 * 7 + 3 * 6, -2 * 9 + 3 * 6, -2 * 5 + 3 * 15,
                     -2 * 7 + 3 * 15, -2 * 9 + 3 * 15, -1, 10, -100, 1000}));
}

TEST(ReferenceShapes, InputsThatAreNotArrays) {
  EXPECT_EQ(Updates("update = rows\n"), (Numbers{2, 2, 2, 2, 2, 2, 4, 4, 4, 4}));
  EXPECT_EQ(Updates("update = cols\n"), (Numbers{3, 3, 3, 3, 3, 3, 1, 1, 1, 1}));
  EXPECT_EQ(Updates("update = mul(rows, cols)\n"), (Numbers{6, 6, 6, 6, 6, 6, 4, 4, 4, 4}));
  EXPECT_EQ(Updates("a = div(t, total_steps)\nupdate = mul(a, lr)\n"), Numbers(10, 7. / 100 * 0.5));
}

TEST(ReferenceShapes, ValuesThatNoOpComputes) {
  const Numbers w = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  EXPECT_EQ(Updates("update = w\n", w), w);
  EXPECT_EQ(Updates("update = -2.5\n"), Numbers(10, -2.5));
  EXPECT_EQ(Updates("hyper  h = 3 in [0, 9]\nupdate = h\n"), Numbers(10, 3));
  EXPECT_EQ(Updates("update = t\n"), Numbers(10, 7));
}

TEST(ReferenceShapes, StatesOfEveryType) {
  EXPECT_EQ(Updates("state  s[] = 2\nnext s = lr\nupdate = s\n"), Numbers(10, 2));
  for (const char* type : {"[]", "[P]", "[P,R]", "[P,C]", "[P,R,C]"}) {
    EXPECT_EQ(Updates(std::string("state  s") + type + " = 3\nnext s = lr\nupdate = sub(s, g)\n"),
              (Numbers{2, 1, 0, -1, -2, -3, 4, -7, 103, -997}))
        << type;
  }
}

}  // namespace
}  // namespace lathe
