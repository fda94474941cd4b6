#include "dsl/random_program.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "dsl/canonicalize.h"
#include "dsl/testing/case_count.h"
#include "dsl/testing/random_case.h"
#include "dsl/text.h"
#include "dsl/verify.h"

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
