// What holds for every mutant, checked along chains of thousands of mutations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "dsl/verify.h"
#include "search/mutate.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

constexpr int kSteps = 10000;
constexpr int kMaxStatements = 40;

// States with fewer axes than the gradient, and reductions to feed them.
constexpr std::string_view kNarrowStates = R"(
lathe 1 optimizer narrow_states
input  g[P,R,C] lr[]
hyper  decay = 0.5 in [0, 1)
state  a[P] = 0
state  b[] = 1
n = norm(g)
a2 = lerp(n, a, decay)
b2 = global_norm(g)
s = add(a2, b)
u = div_eps(g, s)
update = mul(u, lr)
next a = a2
next b = b2
)";

MutationOptions Options() {
  MutationOptions options;
  options.space = SearchSpace::Default(OptimizerSignature());
  options.max_statements = kMaxStatements;
  return options;
}

// A chain from one program, each mutant of which is checked against its parent.
class Chain {
 public:
  Chain(Program start, uint64_t seed, int max_statements = kMaxStatements)
      : start_(start), current_(std::move(start)), seed_(seed), options_(Options()) {
    options_.max_statements = max_statements;
  }
  Chain(Program start, uint64_t seed, SearchSpace space) : Chain(std::move(start), seed) {
    options_.space = std::move(space);
  }

  // Stops at the first mutant that is not as it should be.
  void Run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      RandomStream random(seed_, {static_cast<uint64_t>(step)});
      Mutation mutation = Mutate(current_, options_, random);
      SCOPED_TRACE(absl::StrCat("seed ", seed_, ", step ", step, ", operation ",
                                std::string(mutation.operation), ", parent\n", Print(current_)));
      ++operations_[std::string(mutation.operation)];
      CheckSize(mutation);
      CheckOperandOrder(mutation.program);
      CheckHypers(mutation.program);
      CheckNumbers(mutation.program);
      CheckOps(mutation.program);
      if (testing::Test::HasFailure()) return;
      const absl::Status status = Verify(mutation.program);
      if (status.ok()) {
        current_ = std::move(mutation.program);
      } else {
        ++too_many_axes_;
        EXPECT_THAT(std::string(status.message()),
                    testing::AnyOf(testing::HasSubstr("axes may only be missing"),
                                   testing::HasSubstr("that removes B keeps"),
                                   testing::HasSubstr("looks across B")));
      }
    }
  }

  const Program& Current() const { return current_; }
  int TooManyAxes() const { return too_many_axes_; }
  std::map<std::string, int>& Operations() { return operations_; }
  int Longest() const { return longest_; }

 private:
  void CheckSize(const Mutation& mutation) {
    const int before = static_cast<int>(current_.instructions.size());
    const int after = static_cast<int>(mutation.program.instructions.size());
    longest_ = std::max(longest_, after);
    int grown = 0;
    if (mutation.operation == "insert") grown = 1;
    if (mutation.operation == "delete") grown = -1;
    EXPECT_EQ(after, before + grown);
    if (grown > 0) {
      EXPECT_LE(after, options_.max_statements);
    }
    EXPECT_EQ(mutation.program.states.size(), start_.states.size());
    EXPECT_EQ(mutation.program.outputs.size(), start_.outputs.size());
  }

  void CheckOperandOrder(const Program& program) {
    const int count = static_cast<int>(program.instructions.size());
    auto visible = [](const Operand& operand, int before) {
      if (operand.kind != Operand::Kind::kInstruction) return true;
      return operand.index >= 0 && operand.index < before;
    };
    for (int i = 0; i < count; ++i) {
      for (const Operand& operand : program.instructions[i].operands) {
        EXPECT_TRUE(visible(operand, i)) << "instruction " << i << " reads " << operand.index;
      }
    }
    for (const Operand& output : program.outputs) EXPECT_TRUE(visible(output, count));
    for (const State& state : program.states) EXPECT_TRUE(visible(state.next, count));
  }

  void CheckHypers(const Program& program) {
    ASSERT_EQ(program.hypers.size(), start_.hypers.size());
    for (size_t i = 0; i < program.hypers.size(); ++i) {
      const Hyper& hyper = program.hypers[i];
      EXPECT_EQ(hyper.name, start_.hypers[i].name);
      EXPECT_EQ(hyper.range.Text(), start_.hypers[i].range.Text());
      EXPECT_TRUE(hyper.range.Has(hyper.value)) << hyper.name << " = " << hyper.value;
      CheckNumber(hyper.value);
    }
  }

  void CheckNumbers(const Program& program) {
    ForEachOperand(program, [&](const Operand& operand) {
      if (operand.IsConstant()) CheckNumber(operand.constant);
    });
  }

  void CheckNumber(double value) {
    EXPECT_TRUE(std::isfinite(value)) << value;
    EXPECT_FALSE(value == 0 && std::signbit(value)) << "-0";
    EXPECT_LE(std::fabs(value), 1e10);
  }

  void CheckOps(const Program& program) {
    const std::set<Op> allowed(options_.space.ops.begin(), options_.space.ops.end());
    for (const Instruction& instruction : program.instructions) {
      EXPECT_EQ(allowed.count(instruction.op), 1u) << Info(instruction.op).name;
    }
  }

  const Program start_;
  Program current_;
  uint64_t seed_;
  MutationOptions options_;
  std::map<std::string, int> operations_;
  int too_many_axes_ = 0, longest_ = 0;
};

// Whether the space of the chains has all ops of a program, and its states those axes that fit
// whatever a value has.
bool IsOfTheSpace(const Program& program) {
  const std::vector<Op> ops = Options().space.ops;
  const bool known = std::all_of(
      program.instructions.begin(), program.instructions.end(),
      [&](const Instruction& i) { return std::count(ops.begin(), ops.end(), i.op) > 0; });
  return known && std::all_of(program.states.begin(), program.states.end(),
                              [](const State& state) { return state.axes == kModelAxes; });
}

// All their states have the axes of the update, so whatever a value has fits.
TEST(MutationChain, OfKnownPrograms) {
  int chains = 0;
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    SCOPED_TRACE(std::string(name));
    const Program program = KnownProgram(name).value();
    if (!IsOfTheSpace(program)) continue;
    ++chains;
    Chain chain(program, 1);
    chain.Run(kSteps);
    EXPECT_EQ(chain.TooManyAxes(), 0);
    EXPECT_EQ(chain.Longest(), kMaxStatements) << "the chain never met the bound";
    for (const char* operation : {"insert", "delete", "modify"}) {
      EXPECT_GT(chain.Operations()[operation], kSteps / 5) << operation;
    }
    EXPECT_EQ(chain.Operations().size(), 3u);
  }
  EXPECT_GE(chains, 5);
}

TEST(MutationChain, OfRandomPrograms) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    RandomStream random(seed, {99});
    Program program =
        RandomProgram(OptimizerSignature(), Options().space, RandomProgramSize(), random);
    Chain chain(std::move(program), seed);
    chain.Run(kSteps / 10);
    EXPECT_EQ(chain.TooManyAxes(), 0);
  }
}

TEST(MutationChain, OfNarrowStatesFailsForTooManyAxesOnly) {
  Chain chain(Parsed(kNarrowStates), 1);
  chain.Run(kSteps);
  EXPECT_GT(chain.TooManyAxes(), 0) << "what the test is about never happened";
  EXPECT_LT(chain.TooManyAxes(), kSteps / 2);
}

TEST(MutationChain, LongProgramsGetNoInsertions) {
  Chain chain(KnownProgram("adamw").value(), 1, 5);
  chain.Run(kSteps / 10);
  EXPECT_LE(chain.Current().instructions.size(), 5u) << Print(chain.Current());
  const int statements = static_cast<int>(KnownProgram("adamw")->instructions.size());
  EXPECT_LE(chain.Longest(), statements) << "a program of more than 5 statements may not grow";
}

// Every op, axes with primes, layers: what fails for a reason of its own fails for another.
TEST(MutationChain, OfEverythingFailsForAxesOnly) {
  for (const Signature& signature : AllSignatures()) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      RandomStream random(seed, {98});
      SearchSpace space = SearchSpace::Everything(signature);
      Program program = RandomProgram(signature, space, RandomProgramSize::Large(), random);
      Chain chain(std::move(program), seed, std::move(space));
      chain.Run(kSteps / 10);
      EXPECT_LT(chain.TooManyAxes(), kSteps / 20) << signature.name;
    }
  }
}

// A chain is worth its steps only if it wanders: it must meet programs of many sizes and ops.
TEST(MutationChain, ReachesEveryOp) {
  std::set<Op> seen;
  Program program = KnownProgram("sgd").value();
  for (uint64_t step = 0; step < kSteps; ++step) {
    RandomStream random(5, {step});
    program = Mutate(program, Options(), random).program;
    for (const Instruction& instruction : program.instructions) seen.insert(instruction.op);
  }
  EXPECT_EQ(seen.size(), Options().space.ops.size());
}

}  // namespace
}  // namespace lathe
