// Every row of dsl/ops.def, whatever rows there are.
#include "dsl/op.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dsl/identities.h"
#include "dsl/program.h"
#include "dsl/random.h"
#include "dsl/testing/model_run.h"
#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<AxisSet, 5> kTypes = {AxisSet{}, AxisSet{Axis::kP},
                                           AxisSet{Axis::kP, Axis::kR}, AxisSet{Axis::kP, Axis::kC},
                                           kAllAxes};

std::vector<double> Numbers() {
  std::vector<double> numbers = {0.0,   -0.0,   1,         -1,         0.5,   2,
                                 -3,    1e-10,  1e3,       -1e-300,    1e300, 1e-8,
                                 -1e-8, 5e-324, kInfinity, -kInfinity, kNaN};
  RandomStream random(5, {});
  for (int i = 0; i < 8; ++i) numbers.push_back(random.Normal());
  return numbers;
}

std::string Name(Op op) {
  return std::string(Info(op).name);
}

// What a statement with the op has to name.
AxisSet OverOf(Op op) {
  return Info(op).rule == TypeRule::reduce_over ? kElementAxes : AxisSet{};
}

// op(a, b, c) of three states of type [], which hold what constants may not.
Program ProgramOf(Op op) {
  Program program;
  program.states.resize(kMaxArity);
  for (int i = 0; i < kMaxArity; ++i) program.states[i].next = Operand::State(i);
  Instruction instruction{op, OverOf(op), {}};
  for (int i = 0; i < Info(op).arity; ++i) instruction.operands[i] = Operand::State(i);
  program.instructions = {instruction};
  program.outputs = {Operand::Instruction(0)};
  return program;
}

// What the reference executor makes of it.
class Calculator {
 public:
  explicit Calculator(Op op) : run_(*ReferenceExecutor().Prepare(ProgramOf(op), kShape)) {}

  double operator()(double a, double b, double c = 0) {
    const std::array<double, kMaxArity> values = {a, b, c};
    for (int i = 0; i < kMaxArity; ++i) {
      EXPECT_TRUE(run_->WriteState(i, 0, std::span(values).subspan(i, 1)).ok());
    }
    double out = 12345;
    EXPECT_TRUE(run_->Step({{}, {{ArrayRef(&out)}}, {}}).ok());
    return out;
  }

 private:
  static constexpr std::array<Shape, 1> kShape = {{{1, 1}}};
  std::unique_ptr<Execution> run_;
};

TEST(Op, RowsAreComplete) {
  std::set<std::string> names;
  for (Op op : AllOps()) {
    const OpInfo& info = Info(op);
    EXPECT_TRUE(names.insert(Name(op)).second) << Name(op);
    EXPECT_GE(info.arity, 1) << Name(op);
    EXPECT_LE(info.arity, kMaxArity) << Name(op);
    EXPECT_GE(info.since, 1) << Name(op);
    EXPECT_LE(info.since, kLanguageVersion) << Name(op);
    EXPECT_GE(info.cost, 1) << Name(op);
    EXPECT_GE(info.weight, 0) << Name(op);
    EXPECT_GE(info.doc.size(), 2u) << Name(op);
    EXPECT_LE(info.doc.size(), 100u) << Name(op);
    EXPECT_EQ(info.doc.find('\n'), std::string_view::npos) << Name(op);
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kOpCount));
  EXPECT_GE(kOpCount, 24);
}

TEST(Op, AreFoundByName) {
  for (Op op : AllOps()) EXPECT_EQ(OpByName(Info(op).name), op);
  EXPECT_EQ(OpByName("lerp"), Op::lerp);
  EXPECT_EQ(OpByName(""), std::nullopt);
  EXPECT_EQ(OpByName("Add"), std::nullopt);
  EXPECT_EQ(OpByName("add "), std::nullopt);
}

TEST(Op, NamesAreIdentifiers) {
  for (Op op : AllOps()) {
    for (char c : Info(op).name) EXPECT_TRUE((c >= 'a' && c <= 'z') || c == '_') << Name(op);
  }
}

TEST(Op, ParseAndPrintByName) {
  for (Op op : AllOps()) {
    Program program = ProgramOf(op);
    ASSERT_TRUE(Verify(program).ok()) << Name(op);
    std::string text = Print(program);
    EXPECT_NE(text.find(absl::StrCat("update = ", Name(op), "(s0")), std::string::npos) << text;
    absl::StatusOr<Program> again = ParseOrStatus(text, "p");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(*again == program) << text;
  }
}

TEST(Op, TakeAsManyOperandsAsTheRowSays) {
  for (Op op : AllOps()) {
    for (int given = 0; given <= kMaxArity + 1; ++given) {
      std::string operands;
      for (int i = 0; i < given; ++i) operands += i == 0 ? "g" : ", g";
      if (Info(op).rule == TypeRule::reduce_over) operands += " over R";
      std::string text = absl::StrCat("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = ", Name(op),
                                      "(", operands, ")\n");
      if (given == 0 && Info(op).rule == TypeRule::reduce_over) continue;
      EXPECT_EQ(Parse(text).program.has_value(), given == Info(op).arity) << text;
    }
  }
}

// Written out once more, from the words of ops.def.
AxisSet ExpectedType(TypeRule rule, AxisSet over, AxisSet all) {
  auto without = [&](std::initializer_list<Axis> axes) { return all.Without(AxisSet(axes)); };
  switch (rule) {
    case TypeRule::elementwise: return all;
    case TypeRule::reduce_elements: return without({Axis::kR, Axis::kC});
    case TypeRule::reduce_model: return AxisSet{};
    case TypeRule::reduce_over:
      // What is left of R and C means nothing without P.
      return over.Has(Axis::kP) ? AxisSet{} : all.Without(over);
  }
  return {};
}

TEST(Op, TypesFollowTheRule) {
  for (Op op : AllOps()) {
    for (AxisSet a : kTypes) {
      for (AxisSet b : kTypes) {
        for (int over = 1; over < 8; ++over) {
          AxisSet named = AxisSet::FromBits(over);
          const std::array<AxisSet, kMaxArity> operands = {a, b, a};
          AxisSet all = Info(op).arity == 1 ? a : a.With(b);
          AxisSet type = ResultType(op, named, std::span(operands).first(Info(op).arity));
          EXPECT_EQ(type.Text(), ExpectedType(Info(op).rule, named, all).Text())
              << Name(op) << " over " << named.Text() << " of " << a.Text() << b.Text();
          EXPECT_TRUE(type.IsType()) << Name(op);
        }
      }
    }
  }
}

TEST(Op, TypesByHand) {
  const AxisSet row = {Axis::kP, Axis::kC};
  const std::array<AxisSet, 2> operands = {AxisSet{Axis::kP, Axis::kR}, row};
  EXPECT_EQ(ResultType(Op::add, {}, operands), kAllAxes);
  EXPECT_EQ(ResultType(Op::sum, {Axis::kR}, std::array{kAllAxes}), row);
  EXPECT_EQ(ResultType(Op::mean, {Axis::kP}, std::array{kAllAxes}), AxisSet{});
  EXPECT_EQ(ResultType(Op::norm, {}, std::array{kAllAxes}), AxisSet{Axis::kP});
  EXPECT_EQ(ResultType(Op::global_norm, {}, std::array{kAllAxes}), AxisSet{});
}

TEST(Op, CommutativeRowsCommuteBitForBit) {
  int rows = 0;
  for (Op op : AllOps()) {
    if (!Info(op).traits.commutative) continue;
    ++rows;
    Calculator calculate(op);
    for (double a : Numbers()) {
      for (double b : Numbers()) {
        EXPECT_TRUE(testing::SameBits(calculate(a, b), calculate(b, a)))
            << Name(op) << "(" << a << ", " << b << ")";
      }
    }
  }
  EXPECT_GE(rows, 4);
}

TEST(Op, OtherRowsOfTwoOperandsDoNotCommute) {
  for (Op op : AllOps()) {
    if (Info(op).arity != 2 || Info(op).traits.commutative) continue;
    Calculator calculate(op);
    EXPECT_FALSE(testing::SameBits(calculate(2, -3), calculate(-3, 2))) << Name(op);
  }
}

bool MayBeConstant(double value) {
  return std::isfinite(value) && !(value == 0 && std::signbit(value));
}

TEST(Op, FoldableRowsFoldToWhatTheReferenceComputes) {
  for (Op op : AllOps()) {
    Calculator calculate(op);
    int folded = 0;
    for (double a : Numbers()) {
      for (double b : Numbers()) {
        if (!MayBeConstant(a) || !MayBeConstant(b)) continue;
        Instruction instruction{op, OverOf(op), {Operand::Constant(a), Operand::Constant(b)}};
        if (Info(op).arity == 1) instruction.operands[1] = {};
        if (Info(op).arity == 3) instruction.operands[2] = Operand::Constant(a);
        std::optional<double> value = FoldConstants(instruction);
        double expected = calculate(a, b, a);
        ASSERT_EQ(value.has_value(), Info(op).traits.foldable && MayBeConstant(expected))
            << Name(op) << "(" << a << ", " << b << ")";
        if (!value) continue;
        ++folded;
        EXPECT_TRUE(testing::SameBits(*value, expected))
            << Name(op) << "(" << a << ", " << b << ")";
      }
    }
    EXPECT_EQ(folded > 0, Info(op).traits.foldable) << Name(op);
  }
}

TEST(Op, OneOperandThatIsNoConstantKeepsAnOpFromFolding) {
  for (Op op : AllOps()) {
    for (int i = 0; i < Info(op).arity; ++i) {
      Instruction instruction{op, OverOf(op), {}};
      for (int k = 0; k < Info(op).arity; ++k) instruction.operands[k] = Operand::Constant(2);
      instruction.operands[i] = Operand::Hyper(0);
      EXPECT_EQ(FoldConstants(instruction), std::nullopt) << Name(op);
    }
  }
}

}  // namespace
}  // namespace lathe
