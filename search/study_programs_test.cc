#include "search/study_programs.h"

#include <gtest/gtest.h>

#include "dsl/canonicalize.h"
#include "dsl/executor.h"
#include "dsl/known_programs.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

// The update of a model of one parameter with three elements.
std::vector<double> UpdateOf(const Program& program, std::vector<double> w, std::vector<double> g,
                             double lr) {
  const std::vector<Shape> shapes = {{3, 1}};
  auto execution = ReferenceExecutor().Prepare(program, shapes);
  EXPECT_TRUE(execution.ok()) << execution.status();
  std::vector<double> update(3);
  double t = 1;
  StepBindings bindings;
  bindings.inputs.resize(program.signature->inputs.size());
  bindings.inputs[*program.signature->InputByName("w")] = {w.data()};
  bindings.inputs[*program.signature->InputByName("g")] = {g.data()};
  bindings.inputs[*program.signature->InputByName("lr")] = {&lr};
  bindings.inputs[*program.signature->InputByName("t")] = {&t};
  bindings.outputs = {{update.data()}};
  EXPECT_TRUE((*execution)->Step(bindings).ok());
  return update;
}

const std::vector<double> kW = {1, -2, 0.5}, kG = {0.25, 3, -1};

TEST(ScaleAndDecayTest, ScalesTheUpdateAndAddsDecoupledDecay) {
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    const Program program = *KnownProgram(name);
    const std::vector<double> plain = UpdateOf(program, kW, kG, 0.5);
    for (double scale : {0.25, 1.0, 4.0}) {
      for (double decay : {0.0, 0.125}) {
        const Program changed = ScaleAndDecay(program, scale, decay);
        ASSERT_TRUE(Verify(changed).ok()) << name;
        const std::vector<double> update = UpdateOf(changed, kW, kG, 0.5);
        for (size_t i = 0; i < 3; ++i) {
          EXPECT_DOUBLE_EQ(update[i], scale * plain[i] + decay * 0.5 * kW[i]) << name;
        }
      }
    }
  }
}

TEST(ScaleAndDecayTest, LeavesAProgramAloneThatIsNotChanged) {
  const Program program = *KnownProgram("lion");
  EXPECT_EQ(ScaleAndDecay(program, 1, 0), program);
}

TEST(ScaleAndDecayTest, DecayReachesAProgramThatReadsNeitherWeightsNorRate) {
  Program program;
  program.outputs = {Operand::Input(*program.signature->InputByName("g"))};
  EXPECT_EQ(UpdateOf(ScaleAndDecay(program, 2, 0.5), kW, kG, 0.5),
            (std::vector<double>{0.75, 5.5, -1.875}));
}

TEST(WithHyperTest, SetsTheHyperOfThatName) {
  auto changed = WithHyper(*KnownProgram("adamw"), "weight_decay", 0.25);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->hypers[3].value, 0.25);
  EXPECT_EQ(changed->hypers[0].value, 0.9);
  EXPECT_NE(MakeCanonical(*changed).hash, MakeCanonical(*KnownProgram("adamw")).hash);
}

TEST(WithHyperTest, MinusZeroIsZero) {
  auto changed = WithHyper(*KnownProgram("adamw"), "weight_decay", -0.0);
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_TRUE(Verify(*changed).ok()) << Verify(*changed);
}

TEST(WithHyperTest, NamesWhatIsWrong) {
  auto unknown = WithHyper(*KnownProgram("adamw"), "momentum", 0.5);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(unknown.status().message().find("momentum"), absl::string_view::npos);
  auto outside = WithHyper(*KnownProgram("adamw"), "b1", 1);
  EXPECT_EQ(outside.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_NE(outside.status().message().find("[0, 1)"), absl::string_view::npos);
}

}  // namespace
}  // namespace lathe
