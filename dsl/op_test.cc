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
#include "dsl/lexer.h"
#include "dsl/program.h"
#include "dsl/random.h"
#include "dsl/testing/model_run.h"
#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Of optimizers and of layers.
constexpr std::array<AxisSet, 8> kTypes = {AxisSet{},
                                           AxisSet{Axis::kP},
                                           AxisSet{Axis::kP, Axis::kR},
                                           AxisSet{Axis::kP, Axis::kC},
                                           kModelAxes,
                                           AxisSet{Axis::kP, Axis::kR, Axis::kR1},
                                           AxisSet{Axis::kP, Axis::kR, Axis::kC1},
                                           kModelAxes.With(kParameterAxes)};
constexpr std::array<AxisSet, 4> kLayerTypes = {
    AxisSet{}, AxisSet{Axis::kG, Axis::kK}, AxisSet{Axis::kB, Axis::kH, Axis::kW},
    AxisSet{Axis::kB, Axis::kG, Axis::kK, Axis::kH, Axis::kW}};

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
  return NamesAxes(op) ? AxisSet{Axis::kR, Axis::kC} : AxisSet{};
}

bool IsEinsum(Op op) {
  return Info(op).rule == TypeRule::contract;
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
  EXPECT_GE(kOpCount, 72);
}

// A text that leaves an operand out computes something else.
TEST(Op, TextsOfExportsNameEveryOperand) {
  for (Op op : AllOps()) {
    auto names = [op](std::string_view text, const char* what) {
      return text.find(what) != std::string_view::npos;
    };
    const OpInfo& info = Info(op);
    const bool elementwise = info.rule == TypeRule::elementwise;
    for (int i = 0; i < kMaxArity; ++i) {
      const std::string operand =
          absl::StrCat("{", std::string(1, static_cast<char>('a' + i)), "}");
      EXPECT_EQ(names(info.torch, operand.c_str()), i < info.arity) << Name(op) << operand;
      // The C++ text of an elementwise op is the expression of its kernel.
      EXPECT_EQ(names(info.cpp, operand.c_str()), !elementwise && i < info.arity) << Name(op);
    }
    const bool axes = NamesAxes(op) || info.rule == TypeRule::swap;
    EXPECT_EQ(names(info.torch, "{axes}"), axes) << Name(op);
    EXPECT_EQ(names(info.torch, "{equation}"), IsEinsum(op)) << Name(op);
  }
}

TEST(Op, KindsByHand) {
  for (Op op : {Op::sum, Op::stddev, Op::logsumexp, Op::norm, Op::global_norm, Op::dot}) {
    EXPECT_TRUE(IsReduction(op)) << Name(op);
  }
  for (Op op : {Op::add, Op::softmax, Op::clip_by_global_norm, Op::einsum, Op::transpose}) {
    EXPECT_FALSE(IsReduction(op)) << Name(op);
  }
  for (Op op : {Op::sum, Op::var, Op::reduce_min, Op::softmax}) EXPECT_TRUE(NamesAxes(op));
  for (Op op : {Op::exp, Op::norm, Op::dot, Op::clip_by_global_norm, Op::einsum, Op::transpose}) {
    EXPECT_FALSE(NamesAxes(op)) << Name(op);
  }
}

TEST(Op, AreFoundByName) {
  for (Op op : AllOps()) EXPECT_EQ(OpByName(Info(op).name), op);
  EXPECT_EQ(OpByName("lerp"), Op::lerp);
  EXPECT_EQ(OpByName(""), std::nullopt);
  EXPECT_EQ(OpByName("Add"), std::nullopt);
  EXPECT_EQ(OpByName("add "), std::nullopt);
}

TEST(Op, NamesAreIdentifiers) {
  for (Op op : AllOps()) EXPECT_TRUE(IsIdentifier(Info(op).name)) << Name(op);
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
      for (int i = 0; i < given; ++i) {
        operands += absl::StrCat(i == 0 ? "" : ", ", IsEinsum(op) ? "g[R,C]" : "g");
      }
      if (NamesAxes(op)) operands += " over R";
      if (IsEinsum(op)) operands += " -> [R,C]";
      std::string text = absl::StrCat("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = ", Name(op),
                                      "(", operands, ")\n");
      if (given == 0 && NamesAxes(op)) continue;
      EXPECT_EQ(Parse(text).program.has_value(), given == Info(op).arity) << text;
    }
  }
}

// Written out once more, from the words of ops.def.
AxisSet ExpectedType(TypeRule rule, AxisSet over, AxisSet all) {
  switch (rule) {
    case TypeRule::elementwise:
    case TypeRule::normalize_over:
    case TypeRule::normalize_model:
    case TypeRule::swap: return all;
    case TypeRule::reduce_elements: return all.Has(Axis::kP) ? AxisSet{Axis::kP} : AxisSet{};
    case TypeRule::reduce_model: return AxisSet{};
    case TypeRule::reduce_over:
      // What is left of R and C means nothing without P.
      return over.Has(Axis::kP) ? AxisSet{} : all.Without(over);
    case TypeRule::contract: return all.Has(Axis::kP) ? over.With({Axis::kP}) : over;
  }
  return {};
}

// Every op on every pair of the types, naming every set of the axes.
void ExpectTypesFollowTheRule(std::span<const AxisSet> types, AxisSet axes) {
  for (Op op : AllOps()) {
    for (AxisSet a : types) {
      for (AxisSet b : types) {
        for (int bits = 1; bits <= axes.Bits(); ++bits) {
          AxisSet named = AxisSet::FromBits(bits);
          if (!axes.Contains(named)) continue;
          const std::array<AxisSet, kMaxArity> operands = {a, b, a};
          AxisSet all = Info(op).arity == 1 ? a : a.With(b);
          // The result of an einsum keeps what there is.
          if (IsEinsum(op)) named = named.Within(all).Without({Axis::kP});
          AxisSet type = ResultType(op, named, std::span(operands).first(Info(op).arity));
          EXPECT_EQ(type.Text(), ExpectedType(Info(op).rule, named, all).Text())
              << Name(op) << " over " << named.Text() << " of " << a.Text() << b.Text();
          EXPECT_TRUE(type.IsType()) << Name(op);
        }
      }
    }
  }
}

TEST(Op, TypesFollowTheRule) {
  ExpectTypesFollowTheRule(kTypes, OptimizerSignature().axes);
  ExpectTypesFollowTheRule(kLayerTypes, LayerSignature().axes);
}

TEST(Op, TypesByHand) {
  const AxisSet row = {Axis::kP, Axis::kC};
  const std::array<AxisSet, 2> operands = {AxisSet{Axis::kP, Axis::kR}, row};
  EXPECT_EQ(ResultType(Op::add, {}, operands), kModelAxes);
  EXPECT_EQ(ResultType(Op::sum, {Axis::kR}, std::array{kModelAxes}), row);
  EXPECT_EQ(ResultType(Op::mean, {Axis::kP}, std::array{kModelAxes}), AxisSet{});
  EXPECT_EQ(ResultType(Op::norm, {}, std::array{kModelAxes}), AxisSet{Axis::kP});
  EXPECT_EQ(ResultType(Op::global_norm, {}, std::array{kModelAxes}), AxisSet{});
  EXPECT_EQ(ResultType(Op::softmax, {Axis::kC}, std::array{kModelAxes}), kModelAxes);
  EXPECT_EQ(ResultType(Op::softmax, {Axis::kP}, std::array{row}), row);
  EXPECT_EQ(ResultType(Op::clip_by_global_norm, {}, std::array{row, AxisSet{}}), row);
  EXPECT_EQ(ResultType(Op::clip_by_global_norm, {}, operands), kModelAxes);
  EXPECT_EQ(ResultType(Op::dot, {}, operands), AxisSet{});
  // Of [P,R,C] and [P,R,C]: R' is a label of the second.
  const AxisSet gram = {Axis::kP, Axis::kR, Axis::kR1};
  EXPECT_EQ(ResultType(Op::einsum, {Axis::kR, Axis::kR1}, std::array{kModelAxes, kModelAxes}),
            gram);
  EXPECT_EQ(ResultType(Op::einsum, {}, std::array{kModelAxes, AxisSet{}}), AxisSet{Axis::kP});
  EXPECT_EQ(ResultType(Op::einsum, {Axis::kK}, std::array{AxisSet{Axis::kK}, AxisSet{}}),
            AxisSet{Axis::kK});
  EXPECT_EQ(ResultType(Op::transpose, {}, std::array{gram}), gram);
  EXPECT_EQ(ResultType(Op::transpose, {}, std::array{row}), row);
  // Removing P removes the primed axes, too.
  EXPECT_EQ(ResultType(Op::var, {Axis::kP}, std::array{gram}), AxisSet{});
  EXPECT_EQ(ResultType(Op::norm, {}, std::array{gram}), AxisSet{Axis::kP});
  EXPECT_EQ(ResultType(Op::sum, {Axis::kR1}, std::array{gram}), (AxisSet{Axis::kP, Axis::kR}));
  const AxisSet image = LayerSignature().outputs[0].axes;
  EXPECT_EQ(ResultType(Op::mean, {Axis::kB, Axis::kH, Axis::kW}, std::array{image}),
            (AxisSet{Axis::kG, Axis::kK}));
  EXPECT_EQ(ResultType(Op::norm, {}, std::array{image}), AxisSet{});
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
  EXPECT_GE(rows, 7);
}

TEST(Op, OtherRowsOfTwoOperandsDoNotCommute) {
  for (Op op : AllOps()) {
    if (Info(op).arity != 2 || Info(op).traits.commutative) continue;
    if (IsEinsum(op)) continue;  // commutes in numbers; its operands do not swap their labels
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
