#include "dsl/export/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/export/lowering.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Program Parsed(const std::string& text) {
  absl::StatusOr<Program> program = ParseOrStatus(text, "program");
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : Program();
}

std::string Pytorch(const std::string& text, const Provenance& provenance = {}) {
  return ExportProgram(Parsed(text), ExportTarget::kPytorch, provenance);
}
std::string Cpp(const std::string& text, const Provenance& provenance = {}) {
  return ExportProgram(Parsed(text), ExportTarget::kCpp, provenance);
}

std::vector<std::string> Names(const ExportedProgram& program, const std::vector<int>& places) {
  std::vector<std::string> names;
  for (const int place : places) names.push_back(program.values[place].name);
  return names;
}

TEST(ExporterTest, StatementsAreLinesOfTheTable) {
  const std::string text =
      "lathe 1 optimizer p\ninput g[P,R,C] lr[]\nhyper b = 0.9\nstate m[P,R,C] = 0\n"
      "m2 = lerp(g, m, b)\nroot = sqrt_abs(m2)\nupdate = mul(root, lr)\nnext m = m2\n";
  const std::string python = Pytorch(text);
  EXPECT_THAT(python, HasSubstr("class P(torch.optim.Optimizer):"));
  EXPECT_THAT(python, HasSubstr("\n                m2 = (1 - b) * g + b * m\n"));
  EXPECT_THAT(python, HasSubstr("\n                root = m2.abs().sqrt()\n"));
  EXPECT_THAT(python, HasSubstr("b=0.9"));
  const std::string cpp = Cpp(text);
  EXPECT_THAT(cpp, HasSubstr("class P : public torch::optim::Optimizer {"));
  EXPECT_THAT(cpp, HasSubstr("        const torch::Tensor m2 = (1 - b) * g + b * m;\n"));
  EXPECT_THAT(cpp, HasSubstr("TORCH_ARG(double, b) = 0.9;"));
}

TEST(ExporterTest, OnlyWhatIsReadIsThere) {
  const std::string python =
      Pytorch("lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] t[]\ndead = log(w)\nupdate = neg(g)\n");
  const std::string code = python.substr(python.find("class "));
  for (const char* word : {"dead", "matrix(p)", "group[\"t\"]", "load_state_dict", "def start"}) {
    EXPECT_THAT(code, Not(HasSubstr(word)));
  }
}

TEST(ExporterTest, AReductionOverTheModelEndsAStage) {
  const Program program = Parsed(
      "lathe 1 optimizer p\ninput w[P,R,C] g[P,R,C] lr[]\nsquares = square(g)\nsigns = sign(g)\n"
      "all = sum(squares over P,R,C)\nroot = sqrt(all)\nrate = div(lr, root)\n"
      "lengths = norm(w)\nmost = reduce_max(lengths over P)\nscaled = mul(signs, rate)\n"
      "update = mul(scaled, most)\n");
  const ExportedProgram lowered = LowerForExport(program, "", {});
  ASSERT_EQ(lowered.stages.size(), 2u);
  EXPECT_THAT(Names(lowered, lowered.stages[0].parameter_values),
              ElementsAre("w", "g", "squares", "signs", "lengths"));
  EXPECT_THAT(Names(lowered, lowered.stages[0].over_model), ElementsAre("all", "most"));
  EXPECT_THAT(Names(lowered, lowered.stages[1].group_values), ElementsAre("lr", "root", "rate"));
  EXPECT_THAT(Names(lowered, lowered.stages[1].parameter_values), ElementsAre("scaled", "update"));
  EXPECT_TRUE(lowered.ValueOf(Operand::Instruction(1)).kept)
      << "signs are read in the second stage";
}

TEST(ExporterTest, NamesWithAnotherMeaningGetOthers) {
  const std::string text =
      "lathe 1 optimizer true\ninput g[P,R,C]\nhyper lambda = 1\nhyper int = 2\nhyper a__b_ = 3\n"
      "torch = mul(g, lambda)\nself = mul(torch, int)\nupdate = mul(self, a__b_)\n";
  const std::string python = Pytorch(text);
  EXPECT_THAT(python, HasSubstr("class TrueProgram("));
  EXPECT_THAT(python, HasSubstr("torch_value = g * lambda_value\n"));
  EXPECT_THAT(python, HasSubstr("self_value = torch_value * int\n"));
  const std::string cpp = Cpp(text);
  EXPECT_THAT(cpp, HasSubstr("self = torch_value * int_value;\n"));
  EXPECT_THAT(cpp, HasSubstr("TORCH_ARG(double, a_b) = 3.0;"));
}

TEST(ExporterTest, WhatAFileCallsIsNoNameOfAProgram) {
  const std::string python = Pytorch(
      "lathe 1 layer runtime_error\ninput x[B,G,K,H,W]\nhyper range = 1\n"
      "dtype = mul(x, range)\ny = neg(dtype)\n");
  EXPECT_THAT(python, HasSubstr("class RuntimeErrorProgram(nn.Module):"));
  EXPECT_THAT(python, HasSubstr(", range_value=1.0"));
  EXPECT_THAT(python, HasSubstr("dtype_value = x * range_value\n"));
  const std::string cpp =
      Cpp("lathe 1 optimizer p\ninput g[P,R,C] lr[]\nop_max = max(lr, 0.5)\nop_g = sqrt(lr)\n"
          "s = mul(g, op_max)\nupdate = mul(s, op_g)\n");
  EXPECT_THAT(cpp, HasSubstr("const double op_max_value = op_max("));
  EXPECT_THAT(cpp, HasSubstr("const double op_g = ")) << "of no op";
}

TEST(ExporterTest, ProvenanceIsInTheHead) {
  const Provenance provenance{.name = "found_12", .facts = {{"job", "jobs/1 \"\"\" */ \\"}}};
  const std::string text = "lathe 1 optimizer p0\ninput g[P,R,C]\nupdate = neg(g)\n";
  const std::string python = Pytorch(text, provenance);
  EXPECT_THAT(python, HasSubstr("job: jobs/1 \\\"\\\"\\\" */ \\\\\n\"\"\"\n"));
  EXPECT_THAT(python, HasSubstr("class Found12("));
  const std::string cpp = Cpp(text, provenance);
  EXPECT_THAT(cpp, HasSubstr("//     job: jobs/1 \"\"\" */ \\.\n#ifndef LATHE_FOUND_12_H_\n"));
}

}  // namespace
}  // namespace lathe
