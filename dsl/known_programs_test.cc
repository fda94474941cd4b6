// What holds of every program that ships with the language.
#include "dsl/known_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "dsl/canonicalize.h"
#include "dsl/testing/model_run.h"
#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

using testing::Arrays;
namespace fs = std::filesystem;

TEST(KnownPrograms, AreTheFilesOfTheFolder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(LATHE_SOURCE_DIR) / "dsl/programs")) {
    names.push_back(entry.path().stem().string());
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    absl::StatusOr<std::string_view> known = KnownProgramText(names.back());
    ASSERT_TRUE(known.ok()) << known.status();
    EXPECT_EQ(*known, text.str());
  }
  std::sort(names.begin(), names.end());
  std::vector<std::string_view> known = KnownProgramNames();
  EXPECT_EQ(std::vector<std::string>(known.begin(), known.end()), names);
  EXPECT_GE(names.size(), 6u);
}

TEST(KnownPrograms, ParseVerifyAndCanonicalize) {
  std::set<std::string> texts;
  for (std::string_view name : KnownProgramNames()) {
    absl::StatusOr<Program> program = KnownProgram(name);
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(program->name, name);
    EXPECT_TRUE(Verify(*program).ok()) << name << Verify(*program);
    CanonicalForm form = MakeCanonical(*program);
    EXPECT_TRUE(Verify(form.program).ok()) << name;
    EXPECT_TRUE(texts.insert(form.text).second) << name << " is another one in other words";
    // Nothing in them is for nothing.
    EXPECT_EQ(form.program.instructions.size(), program->instructions.size()) << name;
    EXPECT_EQ(form.program.states.size(), program->states.size()) << name;
    ASSERT_EQ(form.program.hypers.size(), program->hypers.size()) << name;
    for (size_t i = 0; i < program->hypers.size(); ++i) {
      EXPECT_EQ(form.program.hypers[i].name, program->hypers[i].name);
      EXPECT_TRUE(program->hypers[i].range.Has(program->hypers[i].value)) << name;
    }
  }
}

// Whether the outputs depend on the required input, through instructions and states.
bool DependsOnGradient(const Program& program) {
  std::vector<Operand> open(program.outputs.begin(), program.outputs.end());
  std::set<int> instructions, states;
  while (!open.empty()) {
    Operand operand = open.back();
    open.pop_back();
    if (operand == Operand::Input(program.signature->required_input)) return true;
    if (operand.kind == Operand::Kind::kState && states.insert(operand.index).second) {
      open.push_back(program.states[operand.index].next);
    }
    if (operand.kind != Operand::Kind::kInstruction) continue;
    if (!instructions.insert(operand.index).second) continue;
    const Instruction& instruction = program.instructions[operand.index];
    for (int i = 0; i < instruction.Arity(); ++i) open.push_back(instruction.operands[i]);
  }
  return false;
}

TEST(KnownPrograms, DependOnTheGradient) {
  for (std::string_view name : KnownProgramNames()) {
    EXPECT_TRUE(DependsOnGradient(*KnownProgram(name))) << name;
    EXPECT_TRUE(DependsOnGradient(Canonicalize(*KnownProgram(name)))) << name;
  }
  EXPECT_FALSE(DependsOnGradient(
      *ParseOrStatus("lathe 1 optimizer p\ninput w[P,R,C]\nupdate = neg(w)\n", "p")));
}

TEST(KnownPrograms, UnknownNamesAreToldWhatThereIs) {
  absl::Status status = KnownProgram("sdg").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("\"sdg\""));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("rmsprop, sgd"));
  EXPECT_EQ(KnownProgramText("").status().code(), absl::StatusCode::kNotFound);
}

// The updates of one number over steps with the gradients 1, -2, 0.5.
std::vector<double> Updates(const std::string& name) {
  const std::vector<Shape> shapes = {{1, 1}};
  std::vector<Arrays> steps;
  for (double gradient : {1.0, -2.0, 0.5}) {
    Arrays inputs = testing::ZeroInputs(OptimizerSignature(), shapes);
    inputs[0][0][0] = 4;                                      // w
    inputs[1][0][0] = gradient;                               // g
    inputs[2][0][0] = 0.1;                                    // lr
    inputs[3][0][0] = static_cast<double>(steps.size() + 1);  // t
    steps.push_back(inputs);
  }
  return testing::RunSteps(*KnownProgram(name), shapes, steps);
}

void ExpectNear(const std::vector<double>& values, const std::vector<double>& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-12);
}

TEST(KnownPrograms, ComputeWhatTheirPapersSay) {
  ExpectNear(Updates("sgd"), {0.1, -0.2, 0.05});
  ExpectNear(Updates("momentum"), {0.1 * 1, 0.1 * (0.9 - 2), 0.1 * (0.9 * (0.9 - 2) + 0.5)});
  // Lion: sign((1 - b1) g + b1 m) + 0.1 w; m = 0.01, -0.0101, ...
  ExpectNear(Updates("lion"), {0.1 * (1 + 0.4), 0.1 * (-1 + 0.4), 0.1 * (1 + 0.4)});
  // AdamW's first step is g / (|g| + eps) + 0.01 w.
  EXPECT_NEAR(Updates("adamw")[0], 0.1 * (1 / (1 + 1e-8) + 0.04), 1e-12);
  double m = 0.9 * 0.1 + 0.1 * -2, v = 0.999 * 0.001 + 0.001 * 4;
  double m_hat = m / (1 - 0.81), v_hat = v / (1 - 0.999 * 0.999);
  EXPECT_NEAR(Updates("adamw")[1], 0.1 * (m_hat / (std::sqrt(v_hat) + 1e-8) + 0.04), 1e-12);
  EXPECT_NEAR(Updates("rmsprop")[0], 0.1 * (1 / (0.1 + 1e-8)), 1e-12);
  EXPECT_NEAR(Updates("adamw_warm_start")[0], 1e-4 * (0.1 / (std::sqrt(0.001) + 1e-8) + 0.04),
              1e-12);
}

}  // namespace
}  // namespace lathe
