// Products and transposes of matrices in the reference executor, over parameters of different
// shapes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "dsl/testing/model_run.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::Arrays;
using ::testing::ElementsAre;
using Numbers = std::vector<double>;

constexpr double kInf = std::numeric_limits<double>::infinity();

// Two matrices: of 2 x 3 and a column of 3.
//   g = 1 2 3   1    w = 1 0  2   2
//       4 5 6  -2        0 1 -1   0
//               3                 1
class Model {
 public:
  // `lines` define s, which the state keeps.
  Model(const std::string& type, const std::string& lines) {
    absl::StatusOr<Program> program =
        ParseOrStatus("lathe 1 optimizer p\ninput  w[P,R,C] g[P,R,C] lr[]\nstate  kept" + type +
                          " = 0\n" + lines + "next kept = s\nupdate = 0\n",
                      "p");
    EXPECT_TRUE(program.ok()) << program.status();
    run_ = *ReferenceExecutor().Prepare(*program, shapes_);
    inputs[0] = {{1, 0, 2, 0, 1, -1}, {2, 0, 1}};
    inputs[1] = {{1, 2, 3, 4, 5, 6}, {1, -2, 3}};
    inputs[2] = {{10}};
  }

  // s of both parameters after a step of those given.
  std::vector<Numbers> Kept(std::vector<int> active = {}) {
    Arrays outputs = testing::ZeroOutputs(OptimizerSignature(), shapes_);
    absl::Status status =
        run_->Step({testing::Refs(inputs), testing::Refs(outputs), std::move(active)});
    EXPECT_TRUE(status.ok()) << status;
    return {run_->ReadState(0, 0), run_->ReadState(0, 1)};
  }

 private:
  std::vector<Shape> shapes_ = {{2, 3}, {3, 1}};
  std::unique_ptr<Execution> run_;

 public:
  Arrays inputs = testing::ZeroInputs(OptimizerSignature(), shapes_);
};

std::vector<Numbers> Kept(const std::string& type, const std::string& lines) {
  return Model(type, lines).Kept();
}

TEST(ReferenceMatrices, GramMatrixOfEachParameter) {
  EXPECT_THAT(Kept("[P,R,R']", "s = einsum(g[R,C], g[R',C] -> [R,R'])\n"),
              ElementsAre(Numbers{14, 32, 32, 77}, Numbers{1, -2, 3, -2, 4, -6, 3, -6, 9}));
  EXPECT_THAT(Kept("[P,C,C']", "s = einsum(g[R,C], g[R,C'] -> [C,C'])\n"),
              ElementsAre(Numbers{17, 22, 27, 22, 29, 36, 27, 36, 45}, Numbers{14}));
}

TEST(ReferenceMatrices, TheOrderOfTheOperandsDecidesWhatIsARow) {
  // Rows of g by rows of w, and the other way around.
  EXPECT_THAT(Kept("[P,R,R']", "s = einsum(g[R,C], w[R',C] -> [R,R'])\n"),
              ElementsAre(Numbers{7, -1, 16, -1}, Numbers{2, 0, 1, -4, 0, -2, 6, 0, 3}));
  EXPECT_THAT(Kept("[P,R,R']", "s = einsum(w[R,C], g[R',C] -> [R,R'])\n"),
              ElementsAre(Numbers{7, 16, -1, -1}, Numbers{2, -4, 6, 0, 0, 0, 1, -2, 3}));
  EXPECT_THAT(Kept("[P,R,R']", "s = einsum(g[R',C], w[R,C] -> [R,R'])\n"),
              ElementsAre(Numbers{7, 16, -1, -1}, Numbers{2, -4, 6, 0, 0, 0, 1, -2, 3}));
}

TEST(ReferenceMatrices, ProductsOfMatrices) {
  // (g g') w, back to rows and columns.
  EXPECT_THAT(Kept("[P,R,C]",
                   "a = einsum(g[R,C], g[R',C] -> [R,R'])\n"
                   "s = einsum(a[R,R'], w[R',C] -> [R,C])\n"),
              ElementsAre(Numbers{14, 32, -4, 32, 77, -13}, Numbers{5, -10, 15}));
  // Squares of a matrix that is not symmetric: the label in the middle has two primes.
  EXPECT_THAT(Kept("[P,R,R']",
                   "a = einsum(g[R,C], w[R',C] -> [R,R'])\n"
                   "s = einsum(a[R,R''], a[R'',R'] -> [R,R'])\n"),
              ElementsAre(Numbers{7 * 7 - 16, -7 + 1, 7 * 16 - 16, -16 + 1},
                          // 5 g w', for w' g = 5.
                          Numbers{10, 0, 5, -20, 0, -10, 30, 0, 15}));
}

TEST(ReferenceMatrices, OuterProducts) {
  EXPECT_THAT(
      Kept("[P,R,C]", "a = sum(g over C)\nb = sum(w over R)\ns = einsum(a[R], b[C] -> [R,C])\n"),
      ElementsAre(Numbers{6, 6, 6, 15, 15, 15}, Numbers{3, -6, 9}));
  // Of all elements with all elements.
  const std::vector<Numbers> all =
      Kept("[P,R,C,R',C']", "s = einsum(g[R,C], w[R',C'] -> [R,C,R',C'])\n");
  const Numbers g = {1, 2, 3, 4, 5, 6}, w = {1, 0, 2, 0, 1, -1};
  ASSERT_EQ(all[0].size(), 36u);
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) EXPECT_EQ(all[0][i * 6 + j], g[i] * w[j]) << i << ", " << j;
  }
  EXPECT_THAT(all[1], ElementsAre(2, 0, 1, -4, 0, -2, 6, 0, 3));
}

TEST(ReferenceMatrices, ContractionsOfAllLabels) {
  // Of equal labels the inner product, of others the product of the sums: einsum has no traces.
  EXPECT_THAT(Kept("[P]", "s = einsum(g[R,C], w[R,C] -> [])\n"),
              ElementsAre(Numbers{1 + 6 + 5 - 6}, Numbers{5}));
  EXPECT_THAT(Kept("[P]", "s = einsum(g[R,C], w[R',C'] -> [])\n"),
              ElementsAre(Numbers{21 * 3}, Numbers{2 * 3}));
  EXPECT_THAT(Kept("[P]", "s = einsum(g[R,C], w[R'',C] -> [])\n"),
              ElementsAre(Numbers{5 * 1 + 7 * 1 + 9 * 1}, Numbers{2 * 3}));
  EXPECT_THAT(
      Kept("[P]", "a = einsum(g[R,C], g[R',C] -> [R,R'])\ns = einsum(a[R,R'], 1[] -> [])\n"),
      ElementsAre(Numbers{14 + 32 + 32 + 77}, Numbers{4}));
}

TEST(ReferenceMatrices, LabelsOfOneOperandAreSummedOrRepeated) {
  EXPECT_THAT(Kept("[P,R]", "s = einsum(g[R,C], 2[] -> [R])\n"),
              ElementsAre(Numbers{12, 30}, Numbers{2, -4, 6}));
  // A column is summed by C, which only g has, and R is in both.
  EXPECT_THAT(Kept("[P,C]", "a = sum(w over C)\ns = einsum(g[R,C], a[R] -> [C])\n"),
              ElementsAre(Numbers{3, 6, 9}, Numbers{5}));
  EXPECT_THAT(
      Kept("[P,R]",
           "n = norm(w)\nm = mul(n, n)\na = sum(g over C)\n"
           "s = einsum(m[], a[R] -> [R])\n")[1],
      ElementsAre(::testing::DoubleEq(5), ::testing::DoubleEq(-10), ::testing::DoubleEq(15)));
  EXPECT_THAT(Kept("[]", "s = einsum(lr[], 2[] -> [])\n")[0], ElementsAre(20));
}

// Not times the other operand, term by term: 3e308 would be infinite, and infinity - infinity NaN.
TEST(ReferenceMatrices, LabelsOfOneOperandAreSummedFirst) {
  Model model("[P,R]", "s = einsum(g[R,C], w[R,C'] -> [R])\n");
  model.inputs[0] = {{0, 10, 0, kInf, 0, 0}, {1, 1, 1}};
  model.inputs[1] = {{3e307, -3e307, 1, 2, -1, 1}, {0, 0, 1}};
  EXPECT_THAT(model.Kept(), ElementsAre(Numbers{10, kInf}, Numbers{0, 0, 1}));
}

TEST(ReferenceMatrices, AnEinsumIsNoMatrixProductOfZeros) {
  Model model("[P,R,R']", "s = einsum(g[R,C], w[R',C] -> [R,R'])\n");
  model.inputs[1][0][0] = kInf;
  // inf * 1, but also inf * 0.
  const Numbers kept = model.Kept()[0];
  EXPECT_EQ(kept[0], kInf);
  EXPECT_TRUE(std::isnan(kept[1]));
  EXPECT_EQ(kept[2], 16);
  EXPECT_EQ(kept[3], -1);
}

TEST(ReferenceMatrices, AbsentParametersAreNotMultiplied) {
  Model model("[P,R,R']", "s = einsum(g[R,C], g[R',C] -> [R,R'])\n");
  EXPECT_THAT(model.Kept({1}), ElementsAre(Numbers(4, 0), Numbers{1, -2, 3, -2, 4, -6, 3, -6, 9}));
}

TEST(ReferenceMatrices, TransposeSwapsRowsWithRowsAndColumnsWithColumns) {
  EXPECT_THAT(Kept("[P,R,R']", "a = einsum(g[R,C], w[R',C] -> [R,R'])\ns = transpose(a)\n"),
              ElementsAre(Numbers{7, 16, -1, -1}, Numbers{2, -4, 6, 0, 0, 0, 1, -2, 3}));
  EXPECT_THAT(Kept("[P,C,C']", "a = einsum(g[R,C], w[R,C'] -> [C,C'])\ns = transpose(a)\n")[0],
              ElementsAre(1, 2, 3, 4, 5, 6, 2 - 4, 4 - 5, 6 - 6));
  // Both pairs at once.
  EXPECT_EQ(
      Kept("[P,R,C,R',C']", "a = einsum(g[R,C], w[R',C'] -> [R,C,R',C'])\ns = transpose(a)\n"),
      Kept("[P,R,C,R',C']", "s = einsum(w[R,C], g[R',C'] -> [R,C,R',C'])\n"));
  // One pair beside an axis of its own.
  EXPECT_EQ(Kept("[P,R,C,R']", "a = einsum(g[R,C], w[R',C] -> [R,C,R'])\ns = transpose(a)\n"),
            Kept("[P,R,C,R']", "s = einsum(w[R,C], g[R',C] -> [R,C,R'])\n"));
}

TEST(ReferenceMatrices, TransposeOfAnAxisWithoutItsTwinChangesNothing) {
  EXPECT_THAT(Kept("[P,R,C]", "s = transpose(g)\n"),
              ElementsAre(Numbers{1, 2, 3, 4, 5, 6}, Numbers{1, -2, 3}));
  EXPECT_EQ(Kept("[P,R,C']", "a = einsum(g[R,C'], 1[] -> [R,C'])\ns = transpose(a)\n"),
            Kept("[P,R,C]", "s = transpose(g)\n"));
  EXPECT_THAT(Kept("[]", "s = transpose(lr)\n")[0], ElementsAre(10));
}

TEST(ReferenceMatrices, PrimedAxesAreOthersForBroadcastingAndReducing) {
  const std::string product = "a = einsum(g[R,C], w[R',C] -> [R,R'])\n";
  EXPECT_THAT(Kept("[P,R,R']", product + "b = transpose(a)\ns = sub(a, b)\n")[0],
              ElementsAre(0, -17, 17, 0));
  EXPECT_THAT(Kept("[P,R]", product + "s = sum(a over R')\n")[0], ElementsAre(6, 15));
  EXPECT_THAT(Kept("[P,R']", product + "s = sum(a over R)\n")[0], ElementsAre(23, -2));
  EXPECT_THAT(Kept("[P]", product + "s = reduce_max(a over R,R')\n")[0], ElementsAre(16));
  // A row sum beside one of the other kind is a matrix.
  EXPECT_THAT(
      Kept("[P,R,R']", product + "b = sum(a over R)\nc = sum(g over C)\ns = add(b, c)\n")[0],
      ElementsAre(6 + 23, 6 - 2, 15 + 23, 15 - 2));
  EXPECT_THAT(
      Kept("[P,R,R']", "n = mul(g, 0)\n" + product +
                           "b = softmax(a over R,R')\n"
                           "c = softmax(a over R')\nd = sum(c over R')\ns = mul(d, b)\n")[0][2],
      ::testing::DoubleNear(1 / (1 + std::exp(-9) + 2 * std::exp(-17)), 1e-15));
}

TEST(ReferenceMatrices, NormsAndDotsOfModels) {
  const double g = 91 + 14, w = 7 + 5, gw = 6 + 5;
  EXPECT_EQ(Kept("[]", "s = dot(g, w)\n")[0], Numbers{gw});
  EXPECT_EQ(Kept("[]", "s = cosine_sim(g, w)\n")[0], Numbers{gw / (std::sqrt(g) * std::sqrt(w))});
  // lr counts for each of the 9 elements.
  EXPECT_EQ(Kept("[]", "s = dot(lr, g)\n")[0], Numbers{10 * (21 + 2)});
  EXPECT_EQ(Kept("[]", "s = cosine_sim(g, lr)\n")[0],
            Numbers{230 / (std::sqrt(g) * std::sqrt(900.))});
  EXPECT_EQ(Kept("[P,R,C]", "s = clip_by_global_norm(w, 100)\n")[1], (Numbers{2, 0, 1}));
  const double factor = 2 / std::sqrt(w);
  EXPECT_EQ(Kept("[P,R,C]", "s = clip_by_global_norm(w, -2)\n")[1],
            (Numbers{2 * factor, 0, factor}));
  // A bound of its own for each parameter: 2 and 3 rows; the norm is that of the whole model.
  EXPECT_EQ(Kept("[P,R,C]",
                 "a = sum(g over C)\nb = mul(a, 0)\nc = exp(b)\nd = sum(c over R)\n"
                 "s = clip_by_global_norm(w, d)\n")[1],
            (Numbers{2 * (3 / std::sqrt(w)), 0, 3 / std::sqrt(w)}));
}

TEST(ReferenceMatrices, ReductionsOfEachKindByAxis) {
  EXPECT_THAT(Kept("[P,R]", "s = reduce_max(g over C)\n"),
              ElementsAre(Numbers{3, 6}, Numbers{1, -2, 3}));
  EXPECT_THAT(Kept("[P,C]", "s = reduce_min(g over R)\n"),
              ElementsAre(Numbers{1, 2, 3}, Numbers{-2}));
  EXPECT_THAT(Kept("[P,R]", "s = var(g over C)\n"),
              ElementsAre(Numbers{2. / 3, 2. / 3}, Numbers{0, 0, 0}));
  EXPECT_THAT(Kept("[P]", "s = mean_square(g over R,C)\n"),
              ElementsAre(Numbers{91. / 6}, Numbers{14. / 3}));
  EXPECT_THAT(Kept("[]", "s = rms(g over P)\n")[0], ElementsAre(std::sqrt(105. / 9)));
  EXPECT_THAT(Kept("[P,C]", "s = stddev(g over R)\n")[0], ElementsAre(1.5, 1.5, 1.5));
  EXPECT_THAT(Kept("[P,R]", "a = mul(g, 0)\ns = logsumexp(a over C)\n"),
              ElementsAre(Numbers{std::log(3.), std::log(3.)}, Numbers{0, 0, 0}));
}

// Over P the softmax is one of all values of the model.
TEST(ReferenceMatrices, SoftmaxByAxis) {
  const std::string flat = "a = mul(g, 0)\n";
  EXPECT_THAT(Kept("[P,R,C]", flat + "s = softmax(a over C)\n"),
              ElementsAre(Numbers(6, 1. / 3), Numbers(3, 1)));
  EXPECT_THAT(Kept("[P,R,C]", flat + "s = softmax(a over R)\n"),
              ElementsAre(Numbers(6, 1. / 2), Numbers(3, 1. / 3)));
  EXPECT_THAT(Kept("[P,R,C]", flat + "s = softmax(a over P)\n"),
              ElementsAre(Numbers(6, 1. / 9), Numbers(3, 1. / 9)));
  // Each value stays where it was: columns differ by 3, rows by 1.
  const Numbers columns = Kept("[P,R,C]", "s = softmax(g over R)\n")[0];
  const Numbers rows = Kept("[P,R,C]", "s = softmax(g over C)\n")[0];
  for (int i = 0; i < 6; ++i) {
    EXPECT_NEAR(columns[i], i < 3 ? 0.04742587317756678 : 0.9525741268224334, 1e-15) << i;
    const Numbers expected = {0.09003057317038046, 0.24472847105479764, 0.6652409557748219};
    EXPECT_NEAR(rows[i], expected[i % 3], 1e-15) << i;
  }
}

}  // namespace
}  // namespace lathe
