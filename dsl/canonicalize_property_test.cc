// What the canonical form promises of every program, on random programs in which its rules fire.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dsl/buffers.h"
#include "dsl/canonicalize.h"
#include "dsl/identities.h"
#include "dsl/random_program.h"
#include "dsl/testing/case_count.h"
#include "dsl/testing/model_run.h"
#include "dsl/testing/random_case.h"
#include "dsl/testing/shuffled.h"
#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

using testing::Arrays;
using testing::CaseText;
using testing::Company;

constexpr uint64_t kSeed = 20230213;
constexpr uint64_t kCases = testing::Cases(100000);

Program Case(uint64_t index) {
  RandomStream random(kSeed, {index});
  return testing::RandomCase(random);
}

TEST(CanonicalizeProperty, CasesVerify) {
  for (uint64_t i = 0; i < kCases; ++i) {
    Program program = Case(i);
    absl::Status status = Verify(program);
    ASSERT_TRUE(status.ok()) << status << "\n" << CaseText(i, program);
  }
}

TEST(CanonicalizeProperty, VerifiesIsIdempotentAndNoLarger) {
  for (uint64_t i = 0; i < kCases; ++i) {
    Program raw = Case(i);
    Program canonical = Canonicalize(raw);
    absl::Status status = Verify(canonical);
    ASSERT_TRUE(status.ok()) << status << "\n" << CaseText(i, raw);
    Program again = Canonicalize(canonical);
    ASSERT_EQ(Print(again), Print(canonical)) << CaseText(i, raw);
    ASSERT_TRUE(again == canonical) << CaseText(i, raw);
    ASSERT_LE(canonical.instructions.size(), raw.instructions.size()) << CaseText(i, raw);
    ASSERT_LE(canonical.states.size(), raw.states.size()) << CaseText(i, raw);
  }
}

TEST(CanonicalizeProperty, KeepsEveryBitOfEveryOutput) {
  const std::vector<Shape> shapes = {{3, 4}, {5, 1}, {1, 1}};
  uint64_t finite = 0, rewritten = 0;
  for (uint64_t i = 0; i < kCases; ++i) {
    Program raw = Case(i);
    Program canonical = Canonicalize(raw);
    RandomStream random(kSeed + 1, {i});
    Company company = static_cast<Company>(i % 3);
    std::vector<Arrays> steps;
    for (int step = 0; step < 4; ++step) {
      steps.push_back(testing::RandomInputs(OptimizerSignature(), shapes, company, random));
    }
    std::vector<double> expected = testing::RunSteps(raw, shapes, steps);
    ASSERT_EQ(expected.size(), 4u * 18u);
    ASSERT_TRUE(testing::SameBits(expected, testing::RunSteps(canonical, shapes, steps)))
        << CaseText(i, raw) << "becomes\n"
        << Print(canonical);
    finite += std::any_of(expected.begin(), expected.end(),
                          [](double x) { return std::isfinite(x) && x != 0; });
    rewritten += !(canonical == raw);
  }
  EXPECT_GT(finite, kCases / 2);
  EXPECT_GT(rewritten, kCases / 2);
}

// In training, and in evaluation with what training left in the buffers.
TEST(CanonicalizeProperty, KeepsEveryBitOfEveryLayer) {
  const std::vector<Shape> shapes = {LayerShape(3, 4, 2, 3, 2)};
  const Signature& signature = LayerSignature();
  const uint64_t cases = kCases / 20;
  uint64_t buffered = 0, rewritten = 0;
  for (uint64_t i = 0; i < cases; ++i) {
    RandomStream random(kSeed + 3, {i});
    const Program raw = RandomProgram(signature, SearchSpace::Everything(signature),
                                      RandomProgramSize::Large(), random);
    const Program canonical = Canonicalize(raw);
    ASSERT_TRUE(Verify(canonical).ok()) << Verify(canonical) << CaseText(i, raw);
    std::vector<Arrays> steps;
    for (int step = 0; step < 3; ++step) {
      steps.push_back(
          testing::RandomInputs(signature, shapes, static_cast<Company>(i % 3), random));
    }
    ASSERT_TRUE(testing::SameBits(testing::RunSteps(raw, shapes, steps, true),
                                  testing::RunSteps(canonical, shapes, steps, true)))
        << CaseText(i, raw) << "becomes\n"
        << Print(canonical);
    buffered += !Buffers(canonical).empty();
    rewritten += !(canonical == raw);
  }
  EXPECT_GT(buffered, cases / 5);
  EXPECT_GT(rewritten, cases / 2);
}

TEST(CanonicalizeProperty, DoesNotDependOnHowTheProgramIsWrittenDown) {
  uint64_t changed = 0;
  for (uint64_t i = 0; i < kCases; ++i) {
    Program raw = Case(i);
    RandomStream random(kSeed + 2, {i});
    Program shuffled = testing::Shuffled(raw, random);
    ASSERT_TRUE(Verify(shuffled).ok()) << CaseText(i, shuffled);
    if (!(shuffled == raw)) ++changed;
    ASSERT_EQ(MakeCanonical(shuffled).text, MakeCanonical(raw).text)
        << CaseText(i, raw) << "shuffled:\n"
        << Print(shuffled);
  }
  EXPECT_GT(changed, kCases / 2);
}

TEST(CanonicalizeProperty, OutputsReadEveryInstructionAndState) {
  for (uint64_t i = 0; i < kCases; ++i) {
    Program raw = Case(i);
    Program canonical = Canonicalize(raw);
    std::set<int> instructions, states, hypers;
    ForEachOperand(canonical, [&](const Operand& operand) {
      if (operand.kind == Operand::Kind::kInstruction) instructions.insert(operand.index);
      if (operand.kind == Operand::Kind::kState) states.insert(operand.index);
      if (operand.kind == Operand::Kind::kHyper) hypers.insert(operand.index);
    });
    ASSERT_EQ(instructions.size(), canonical.instructions.size()) << CaseText(i, raw);
    ASSERT_EQ(states.size(), canonical.states.size()) << CaseText(i, raw);
    ASSERT_EQ(hypers.size(), canonical.hypers.size()) << CaseText(i, raw);
  }
}

// "add->sub", or "add->operand" where an operand takes the place of the instruction.
std::string RuleName(const Instruction& instruction, const Rewritten& rewritten) {
  std::string to = "operand";
  if (const auto* other = std::get_if<Instruction>(&rewritten)) to = Info(other->op).name;
  return absl::StrCat(std::string(Info(instruction.op).name), "->", to);
}

void CountRules(const Program& program, std::map<std::string, int>& fired) {
  std::vector<AxisSet> types = InstructionTypes(program);
  const OperandView view(program, types);
  for (const Instruction& instruction : program.instructions) {
    if (FoldConstants(instruction)) ++fired["folded"];
    if (auto rewritten = ApplyIdentity(instruction, view)) {
      ++fired[RuleName(instruction, *rewritten)];
    }
  }
}

// Properties show little about a rule that the random programs never meet.
TEST(CanonicalizeProperty, EveryRuleFires) {
  std::map<std::string, int> fired;
  for (uint64_t i = 0; i < kCases; ++i) CountRules(Case(i), fired);
  const std::set<std::string> rules = {"folded",
                                       "add->sub",
                                       "add->mul",
                                       "sub->operand",
                                       "sub->add",
                                       "mul->operand",
                                       "mul->neg",
                                       "mul->square",
                                       "mul->mul",
                                       "div->operand",
                                       "div->neg",
                                       "div->div",
                                       "max->operand",
                                       "min->operand",
                                       "clip->clip",
                                       "neg->operand",
                                       "sign->operand",
                                       "abs->operand",
                                       "abs->abs",
                                       "square->square",
                                       "sqrt_abs->sqrt_abs",
                                       "log_abs->log_abs",
                                       "where->operand",
                                       "transpose->operand",
                                       "sum->operand",
                                       "mean->operand",
                                       "reduce_max->operand",
                                       "reduce_min->operand",
                                       "sum->sum",
                                       "mean->mean",
                                       "mean_square->mean_square",
                                       "rms->rms",
                                       "var->var",
                                       "stddev->stddev",
                                       "reduce_max->reduce_max",
                                       "reduce_min->reduce_min",
                                       "logsumexp->logsumexp",
                                       "softmax->softmax"};
  for (const std::string& rule : rules) EXPECT_GT(fired[rule], 20) << rule;
  // A rule that is new belongs in the list above.
  for (const auto& [rule, count] : fired) EXPECT_EQ(rules.count(rule), 1u) << rule;
}

// The instructions and states from which an output can be reached.
struct Reached {
  std::set<int> instructions, states;
};

void Reach(const Program& program, const Operand& operand, Reached& reached) {
  if (operand.kind == Operand::Kind::kState && reached.states.insert(operand.index).second) {
    Reach(program, program.states[operand.index].next, reached);
  }
  if (operand.kind != Operand::Kind::kInstruction) return;
  if (!reached.instructions.insert(operand.index).second) return;
  const Instruction& instruction = program.instructions[operand.index];
  for (int i = 0; i < instruction.Arity(); ++i) Reach(program, instruction.operands[i], reached);
}

TEST(CanonicalizeProperty, DeadMergedAndRepeatedThingsAreMet) {
  uint64_t dead_instructions = 0, dead_states = 0, merged_states = 0, repeated = 0;
  for (uint64_t i = 0; i < kCases; ++i) {
    Program raw = Case(i);
    Reached reached;
    for (const Operand& output : raw.outputs) Reach(raw, output, reached);
    dead_instructions += reached.instructions.size() < raw.instructions.size();
    dead_states += reached.states.size() < raw.states.size();
    merged_states += Canonicalize(raw).states.size() < reached.states.size();
    bool twice = false;
    for (int a : reached.instructions) {
      for (int b : reached.instructions) {
        twice = twice || (a < b && raw.instructions[a] == raw.instructions[b]);
      }
    }
    repeated += twice;
  }
  for (uint64_t met : {dead_instructions, dead_states, merged_states, repeated}) {
    EXPECT_GT(met, kCases / 100);
  }
}

}  // namespace
}  // namespace lathe
