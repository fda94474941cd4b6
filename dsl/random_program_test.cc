#include "dsl/random_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dsl/canonicalize.h"
#include "dsl/testing/case_count.h"
#include "dsl/testing/random_case.h"
#include "dsl/text.h"
#include "dsl/verify.h"
#include "dsl/wellformed.h"

namespace lathe {
namespace {

constexpr uint64_t kSeed = 9;
constexpr uint64_t kCases = testing::Cases(20000);

Program Drawn(uint64_t index, const RandomProgramSize& size = {}) {
  RandomStream random(kSeed, {index});
  const Signature& signature = OptimizerSignature();
  return RandomProgram(signature, SearchSpace::Default(signature), size, random);
}

TEST(RandomProgram, ProgramsVerify) {
  for (uint64_t i = 0; i < kCases; ++i) {
    Program program = Drawn(i);
    absl::Status status = Verify(program);
    ASSERT_TRUE(status.ok()) << status << "\n" << testing::CaseText(i, program);
  }
}

TEST(RandomProgram, SizesAreThoseAskedFor) {
  std::set<size_t> sizes;
  for (uint64_t i = 0; i < 2000; ++i) {
    Program program = Drawn(i, {.min_statements = 3, .max_statements = 6, .states = 1});
    sizes.insert(program.instructions.size());
    ASSERT_EQ(program.states.size(), 1u);
  }
  EXPECT_EQ(sizes, (std::set<size_t>{3, 4, 5, 6}));
}

TEST(RandomProgram, AStreamDrawsOneProgram) {
  EXPECT_TRUE(Drawn(3) == Drawn(3));
  std::set<std::string> texts;
  for (uint64_t i = 0; i < 1000; ++i) texts.insert(Print(Drawn(i)));
  EXPECT_EQ(texts.size(), 1000u);
}

TEST(RandomProgram, TheDefaultSpaceHasEveryWeightedOpAndEverySearchedInput) {
  std::map<Op, int> ops;
  std::set<int> inputs;
  for (uint64_t i = 0; i < kCases; ++i) {
    Program program = Drawn(i);
    for (const Instruction& instruction : program.instructions) ++ops[instruction.op];
    ForEachOperand(program, [&](const Operand& operand) {
      if (operand.kind == Operand::Kind::kInput) inputs.insert(operand.index);
    });
  }
  for (Op op : AllOps()) EXPECT_EQ(ops[op] > 0, Info(op).weight > 0) << Info(op).name;
  EXPECT_EQ(inputs, (std::set<int>{0, 1, 2}));
  // By weight: an op of weight 1 is drawn about ten times as often as one of weight 0.1.
  EXPECT_GT(ops[Op::add], 7 * ops[Op::pow]);
  EXPECT_LT(ops[Op::add], 14 * ops[Op::pow]);
}

TEST(RandomProgram, OnlyOpsAndInputsOfTheSpaceAreDrawn) {
  SearchSpace space{{Op::mul, Op::neg}, {1, 1}, {1}};
  for (uint64_t i = 0; i < 500; ++i) {
    RandomStream random(kSeed, {i});
    Program program = RandomProgram(OptimizerSignature(), space, {}, random);
    for (const Instruction& instruction : program.instructions) {
      ASSERT_TRUE(instruction.op == Op::mul || instruction.op == Op::neg);
    }
    ForEachOperand(program, [](const Operand& operand) {
      ASSERT_TRUE(operand.kind != Operand::Kind::kInput || operand.index == 1);
    });
  }
}

Program DrawnOfEverything(const Signature& signature, uint64_t index,
                          const RandomProgramSize& size = RandomProgramSize::Large()) {
  RandomStream random(kSeed + 1, {index});
  return RandomProgram(signature, SearchSpace::Everything(signature), size, random);
}

TEST(RandomProgram, EverythingVerifiesAndIsReadBack) {
  for (const Signature& signature : AllSignatures()) {
    for (uint64_t i = 0; i < kCases / 4; ++i) {
      Program program = DrawnOfEverything(
          signature, i, i % 2 == 0 ? RandomProgramSize::Large() : RandomProgramSize());
      absl::Status status = Verify(program);
      ASSERT_TRUE(status.ok()) << status << "\n" << testing::CaseText(i, program);
      ParseResult again = Parse(Print(program));
      ASSERT_TRUE(again.program && *again.program == program)
          << testing::CaseText(i, program) << RenderDiagnostics(again.diagnostics, "printed");
    }
  }
}

TEST(RandomProgram, OfEverythingHasEveryOpInputAndAxis) {
  for (const Signature& signature : AllSignatures()) {
    std::set<Op> ops;
    std::set<int> inputs;
    AxisSet axes;
    for (uint64_t i = 0; i < kCases / 10; ++i) {
      Program program = DrawnOfEverything(signature, i);
      for (const Instruction& instruction : program.instructions) ops.insert(instruction.op);
      ForEachOperand(program, [&](const Operand& operand) {
        if (operand.kind == Operand::Kind::kInput) inputs.insert(operand.index);
      });
      for (AxisSet type : InstructionTypes(program)) axes = axes.With(type);
    }
    EXPECT_EQ(ops.size(), static_cast<size_t>(kOpCount)) << signature.name;
    EXPECT_EQ(inputs.size(), signature.inputs.size()) << signature.name;
    EXPECT_EQ(axes, signature.axes) << signature.name;
  }
}

// What the property tests of the executors are fed with is worth their time.
TEST(RandomProgram, LargeProgramsAreAliveAndMixed) {
  const uint64_t cases = kCases / 10;
  for (const Signature& signature : AllSignatures()) {
    std::vector<size_t> alive;
    uint64_t with_states = 0, with_reductions = 0, with_einsums = 0;
    for (uint64_t i = 0; i < cases; ++i) {
      const Program program = Canonicalize(DrawnOfEverything(signature, i));
      alive.push_back(program.instructions.size());
      auto any = [&](auto wanted) {
        return std::any_of(program.instructions.begin(), program.instructions.end(), wanted);
      };
      with_states += !program.states.empty();
      with_reductions += any([](const Instruction& x) { return IsReduction(x.op); });
      with_einsums += any([](const Instruction& x) { return x.op == Op::einsum; });
    }
    std::nth_element(alive.begin(), alive.begin() + cases / 2, alive.end());
    EXPECT_GE(alive[cases / 2], 15u) << signature.name;
    if (signature.has_states) {
      EXPECT_GT(with_states, 3 * cases / 10);
    }
    EXPECT_GT(with_reductions, 3 * cases / 10) << signature.name;
    EXPECT_GT(with_einsums, 3 * cases / 10) << signature.name;
  }
}

TEST(RandomProgram, LayersHaveNoStates) {
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(DrawnOfEverything(LayerSignature(), i).states.empty());
  }
}

TEST(RandomProgram, DrawnLabelsAreWellFormed) {
  const OperandTypeArray operands = {kModelAxes.With(kParameterAxes),
                                     AxisSet{Axis::kP, Axis::kR, Axis::kR1}};
  std::set<AxisLabels> labels;
  std::set<std::string> results;
  for (uint64_t i = 0; i < 2000; ++i) {
    RandomStream random(kSeed, {i});
    Instruction einsum{Op::einsum, {}, {Operand::Input(0), Operand::Input(1)}};
    DrawLabels(OptimizerSignature(), einsum, operands, random);
    EXPECT_EQ(AxesProblem(OptimizerSignature(), einsum, operands), "");
    labels.insert(einsum.labels[1]);
    results.insert(einsum.over.Text());
  }
  // Two different labels of three for R and R'.
  EXPECT_EQ(labels.size(), 6u);
  EXPECT_EQ(results.size(), 16u);
}

// Whatever became of the operands: of other types, of no axes at all.
TEST(RandomProgram, RepairedEinsumsAreWellFormed) {
  const std::vector<AxisSet> types = {{},
                                      {Axis::kP},
                                      kModelAxes,
                                      {Axis::kP, Axis::kR, Axis::kR1},
                                      {Axis::kP, Axis::kC, Axis::kR1, Axis::kC1}};
  uint64_t kept = 0;
  for (AxisSet a : types) {
    for (AxisSet b : types) {
      for (int bits = 0; bits < 1 << 16; bits += 37) {
        Instruction einsum{Op::einsum, AxisSet::FromBits(bits >> 4), {}};
        einsum.labels = {static_cast<AxisLabels>(bits), static_cast<AxisLabels>(bits >> 8)};
        const bool good = AxesProblem(OptimizerSignature(), einsum, {a, b}).empty();
        Instruction repaired = einsum;
        RepairEinsum(OptimizerSignature(), repaired, {a, b});
        EXPECT_EQ(AxesProblem(OptimizerSignature(), repaired, {a, b}), "");
        kept += good;
        EXPECT_TRUE(!good || repaired == einsum) << "what is well-formed stays";
      }
    }
  }
  EXPECT_GT(kept, 0u);
}

TEST(RandomProgram, MuchOfAProgramIsAlive) {
  double drawn = 0, alive = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Program program = Drawn(i);
    drawn += static_cast<double>(program.instructions.size());
    alive += static_cast<double>(Canonicalize(program).instructions.size());
  }
  EXPECT_GT(alive, 0.4 * drawn);
}

}  // namespace
}  // namespace lathe
