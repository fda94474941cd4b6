#include "dsl/cost.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"

namespace lathe {
namespace {

// 17 elements, 8 rows, 5 columns, 2 parameters.
const std::vector<Shape> kShapes = {{3, 4}, {5, 1}};

Cost CostOf(const Instruction& instruction) {
  Program program;
  program.instructions = {instruction};
  program.outputs = {Operand::Instruction(0)};
  return CountCost(program, kShapes);
}

TEST(Cost, OfAProgramByHand) {
  // d = mul(w, weight_decay), u = add(g, d), update = mul(u, lr)
  Cost cost = CountCost(*KnownProgram("sgd"), kShapes);
  EXPECT_EQ(cost.operations, 17 + 17 + 17);
  EXPECT_EQ(cost.bytes, 4 * ((17 + 1 + 17) + (17 + 17 + 17) + (17 + 1 + 17)));
  EXPECT_EQ(cost.state_bytes, 0);
  EXPECT_EQ(cost.parameters, 17);
}

TEST(Cost, OfEveryOpIsItsRowTimesTheElements) {
  for (Op op : AllOps()) {
    AxisSet over = NamesAxes(op) ? AxisSet{Axis::kR, Axis::kC} : AxisSet{};
    Instruction instruction{op, over, {}};
    for (int i = 0; i < Info(op).arity; ++i) instruction.operands[i] = Operand::Input(1);
    EXPECT_EQ(CostOf(instruction).operations, Info(op).cost * 17) << Info(op).name;
  }
}

TEST(Cost, ReductionsCountWhatTheyRead) {
  Cost norm = CostOf({Op::norm, {}, {Operand::Input(1)}});
  EXPECT_EQ(norm.operations, 2 * 17);
  EXPECT_EQ(norm.bytes, 4 * (17 + 2));
  Cost rows = CostOf({Op::sum, {Axis::kC}, {Operand::Input(1)}});
  EXPECT_EQ(rows.operations, 17);
  EXPECT_EQ(rows.bytes, 4 * (17 + 8));
  Cost all = CostOf({Op::global_norm, {}, {Operand::Input(1)}});
  EXPECT_EQ(all.bytes, 4 * (17 + 1));
}

TEST(Cost, BroadcastOperandsAreReadOnceAndWorkedOnEverywhere) {
  // rows[P] + w[P,R,C], and the scalar lr * lr.
  Cost wide = CostOf({Op::add, {}, {Operand::Input(5), Operand::Input(0)}});
  EXPECT_EQ(wide.operations, 17);
  EXPECT_EQ(wide.bytes, 4 * (2 + 17 + 17));
  Cost scalar = CostOf({Op::pow, {}, {Operand::Input(2), Operand::Input(2)}});
  EXPECT_EQ(scalar.operations, 30);
  EXPECT_EQ(scalar.bytes, 4 * 3);
  // A column plus a row has all elements.
  Program program;
  program.instructions = {{Op::sum, {Axis::kC}, {Operand::Input(1)}},
                          {Op::sum, {Axis::kR}, {Operand::Input(1)}},
                          {Op::add, {}, {Operand::Instruction(0), Operand::Instruction(1)}}};
  program.outputs = {Operand::Instruction(2)};
  Cost cost = CountCost(program, kShapes);
  EXPECT_EQ(cost.operations, 17 + 17 + 17);
  EXPECT_EQ(cost.bytes, 4 * ((17 + 8) + (17 + 5) + (8 + 5 + 17)));
}

// g g', of 9 and of 25 elements: 3 x 3 x 4 and 5 x 5 x 1 products.
TEST(Cost, AnEinsumWorksOnEveryCombinationOfTheLabelsThatMeet) {
  Instruction gram{Op::einsum, {Axis::kR, Axis::kR1}, {Operand::Input(1), Operand::Input(1)}};
  gram.labels[1] = WithLabel(0, Axis::kR, 1);
  Cost cost = CostOf(gram);
  EXPECT_EQ(cost.operations, 2 * (36 + 25));
  EXPECT_EQ(cost.bytes, 4 * (17 + 17 + 9 + 25));
  // The columns of the second, which it has alone, are summed first: 3 x 3 x 4 becomes 3 x 4.
  Instruction sums{Op::einsum, {Axis::kR, Axis::kC}, {Operand::Input(1), Operand::Input(1)}};
  sums.labels[1] = WithLabel(0, Axis::kC, 1);
  EXPECT_EQ(CostOf(sums).operations, 17 + 2 * 17);
}

TEST(Cost, OfALayerByHand) {
  Program program;
  program.signature = &LayerSignature();
  program.instructions = {{Op::mean, {Axis::kB, Axis::kH, Axis::kW}, {Operand::Input(0)}},
                          {Op::sub, {}, {Operand::Input(0), Operand::Instruction(0)}},
                          {Op::mul, {}, {Operand::Input(1), Operand::Input(2)}}};
  program.outputs = {Operand::Instruction(1)};
  // 2 x 6 x 3 x 4 elements of 6 channels.
  const std::array<Shape, 1> shape = {LayerShape(2, 6, 3, 4, 3)};
  Cost cost = CountCost(program, shape);
  EXPECT_EQ(cost.operations, 144 + 144 + 6);
  EXPECT_EQ(cost.bytes, 4 * ((144 + 6) + (144 + 6 + 144) + 3 * 6));
  EXPECT_EQ(cost.state_bytes, 0);
}

TEST(Cost, StatesAreCountedByTheirType) {
  const std::vector<std::pair<AxisSet, int>> elements = {{{}, 1},
                                                         {{Axis::kP}, 2},
                                                         {{Axis::kP, Axis::kR}, 8},
                                                         {{Axis::kP, Axis::kC}, 5},
                                                         {kModelAxes, 17},
                                                         {{Axis::kP, Axis::kR, Axis::kR1}, 34},
                                                         {{Axis::kP, Axis::kC, Axis::kR1}, 17}};
  Program program;
  program.outputs = {Operand::Constant(1)};
  double total = 0;
  for (const auto& [axes, count] : elements) {
    State state;
    state.axes = axes;
    program.states.push_back(state);
    total += 4 * count;
    EXPECT_EQ(CountCost(program, kShapes).state_bytes, total) << axes.Text();
  }
  EXPECT_EQ(CountCost(program, kShapes).operations, 0);
  EXPECT_EQ(CountCost(*KnownProgram("adamw"), kShapes).state_bytes, 2 * 4 * 17);
}

TEST(Cost, DeadCodeCostsUntilItIsGone) {
  Program program = *KnownProgram("sgd");
  double alive = CountCost(program, kShapes).operations;
  program.instructions.push_back({Op::exp, {}, {Operand::Input(1)}});
  program.instruction_names.clear();
  EXPECT_EQ(CountCost(program, kShapes).operations, alive + 12 * 17);
  EXPECT_EQ(CountCost(Canonicalize(program), kShapes).operations, alive);
}

TEST(Cost, LargeModelsDoNotOverflow) {
  const std::array<Shape, 2> huge = {{{1 << 20, 1 << 20}, {1ll << 31, 1ll << 31}}};
  EXPECT_EQ(CountCost(*KnownProgram("sgd"), huge).parameters, 0x1p40 + 0x1p62);
}

}  // namespace
}  // namespace lathe
