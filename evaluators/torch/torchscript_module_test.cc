// Modules, and what is registered of them.
#include "evaluators/torch/torchscript_module.h"

#include <gmock/gmock.h>

#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/describe_model.h"
#include "evaluators/torch/testing/made_modules.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = MadeTensor::Kind;

// x[B, 4] to 3 numbers each.
constexpr char kLinear[] = R"(
def forward(self, x):
    return torch.mm(x, torch.t(self.w))
)";

std::string ErrorOf(const std::string& file, const std::string& input = "") {
  v1::ModelExample example;
  if (!input.empty()) example = ParseInputText(input).value();
  const auto model = DescribeModel(file, example);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << model.status();
  EXPECT_EQ(std::string(model.status().message()).find('\n'), std::string::npos);
  return std::string(model.status().message());
}

std::string ErrorOfForward(const std::string& expression) {
  return ErrorOf(MakeTorchScript({{"w", {3, 4}}}, "\ndef forward(self, x):\n    " + expression),
                 "4");
}

// Two examples of four numbers.
class TwoExamples {
 public:
  TwoExamples() {
    batch.sizes = {2, 4};
    batch.numbers = numbers_;
    batch.labels = labels_;
  }
  TwoExamples(const TwoExamples&) = delete;
  TorchScriptBatch batch;

 private:
  std::vector<float> numbers_ = {1, 2, -1, 3, 0, 1, 1, -2};
  std::vector<int64_t> labels_ = {2, 0};
};

TEST(TorchScriptModule, HasParametersInTheOrderOfTheFile) {
  const auto module =
      TorchScriptModule::Load(MakeTorchScript({{"z", {2, 3, 5}},
                                               {"frozen", {7}, "float", Kind::kFrozen},
                                               {"a", {6}},
                                               {"tied", {6}, "float", Kind::kTrained, "a"},
                                               {"scale", {}}},
                                              "\ndef forward(self, x):\n    return x"));
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<std::string> names;
  for (const auto& parameter : module->Parameters()) {
    names.push_back(parameter.name + " " + std::to_string(parameter.shape.rows) + "x" +
                    std::to_string(parameter.shape.cols));
  }
  EXPECT_THAT(names, ElementsAre("z 2x15", "a 6x1", "scale 1x1"));
  EXPECT_EQ(module->ReadParameters().size(), 37u);
}

TEST(TorchScriptModule, WritesWhatItReads) {
  auto module = TorchScriptModule::Load(MakeConvNetFile());
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<float> values = module->ReadParameters();
  for (size_t i = 0; i < values.size(); ++i) values[i] += static_cast<float>(i);
  TorchScriptModule copy = module->Copy();
  copy.WriteParameters(values);
  EXPECT_EQ(copy.ReadParameters(), values);
  EXPECT_NE(module->ReadParameters(), values) << "a copy has memory of its own";
}

TEST(TorchScriptModule, ParametersOutOfReachHaveNoGradient) {
  auto module = TorchScriptModule::Load(MakeTorchScript({{"idle", {5}}, {"w", {3, 4}}}, kLinear));
  ASSERT_TRUE(module.ok()) << module.status();
  const TwoExamples two;
  std::vector<float> gradient(17, 7.0f);
  module->ForwardBackward(two.batch, 1, gradient);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(gradient[i], 0);
  EXPECT_NE(gradient[5], 7);
}

TEST(TorchScriptModule, RandomNumbersFollowTheSeed) {
  auto module = TorchScriptModule::Load(MakeTorchScript({{"w", {3, 4}}}, R"(
def forward(self, x):
    return torch.mm(torch.dropout(x, 0.5, self.training), torch.t(self.w))
)"));
  ASSERT_TRUE(module.ok()) << module.status();
  const TwoExamples two;
  std::vector<float> gradient(12);
  const double loss = module->ForwardBackward(two.batch, 1, gradient);
  EXPECT_EQ(module->ForwardBackward(two.batch, 1, gradient), loss);
  EXPECT_NE(module->ForwardBackward(two.batch, 2, gradient), loss);
  EXPECT_EQ(module->Score(two.batch, 1).loss, module->Score(two.batch, 2).loss)
      << "nothing is dropped in evaluation";
}

TEST(TorchScriptModule, SquaredErrorIsToTheClassAlone) {
  auto module = TorchScriptModule::Load(MakeTorchScript({{"w", {3, 4}}}, R"(
def forward(self, x):
    return torch.mm(x, torch.t(self.w)) * 0.0 + torch.tensor([0.5, 0.0, 1.0])
)"));
  ASSERT_TRUE(module.ok()) << module.status();
  TwoExamples two;
  two.batch.loss = v1::TorchScript::SQUARED_ERROR;
  // Class 2: (0.5^2 + 0 + 0) / 3; class 0: (0.5^2 + 0 + 1) / 3.
  const TorchScriptSums sums = module->Score(two.batch, 0);
  EXPECT_NEAR(sums.loss, 1.5 / 3, 1e-7);
  EXPECT_EQ(sums.wrong, 1);
}

TEST(DescribeModel, CountsWhatTheBuiltInNetCosts) {
  const auto model = DescribeModel(MakeConvNetFile(), {});
  ASSERT_TRUE(model.ok()) << model.status();
  v1::Task net;
  net.mutable_conv_net();
  net = ResolveTask(net).value();
  const v1::ModelDescription& description = model->description();
  EXPECT_EQ(description.multiply_adds() - description.activations(), MultiplyAdds(net));
  EXPECT_GT(description.activations(), 64 + 8 * 64 + 8 * 16 + 16 * 16 + 64 + 10);
  EXPECT_LT(description.activations(), 3 * Activations(net));
  EXPECT_EQ(description.outputs(), 10u);
  EXPECT_THAT(description.shape(), ElementsAre(1, 8, 8));
  EXPECT_THAT(description.rows(), ElementsAre(8, 8, 16, 16, 10, 10));
  EXPECT_THAT(description.columns(), ElementsAre(9, 1, 72, 1, 64, 1));
  EXPECT_THAT(model->parameter_names(), ElementsAre("w1", "b1", "w2", "b2", "w3", "b3"));
}

TEST(DescribeModel, TakesTokens) {
  const auto model = DescribeModel(MakeTorchScript({{"table", {17, 17}}}, R"(
def forward(self, x):
    return torch.embedding(self.table, x)
)"),
                                   ParseInputText("tokens:6").value());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->description().input(), v1::ModelDescription::TOKENS);
  EXPECT_THAT(model->description().shape(), ElementsAre(6));
  EXPECT_EQ(model->description().outputs(), 17u);
}

TEST(DescribeModel, AFileOfAnotherKindIsRefused) {
  EXPECT_THAT(ErrorOf("no zip archive at all"), HasSubstr("cannot be read as TorchScript: "));
  EXPECT_THAT(ErrorOf(""), HasSubstr("cannot be read as TorchScript: "));
  const std::string whole = MakeConvNetFile();
  for (const size_t length : {whole.size() / 2, whole.size() - 1}) {
    EXPECT_THAT(ErrorOf(whole.substr(0, length)), HasSubstr("cannot be read as TorchScript: "));
  }
}

TEST(DescribeModel, ParametersThatCannotBeTrainedAreRefused) {
  const std::string idle = "\ndef forward(self, x):\n    return x";
  EXPECT_THAT(ErrorOf(MakeTorchScript({}, idle), "4"), HasSubstr("it has no parameters"));
  EXPECT_THAT(ErrorOf(MakeTorchScript({{"w", {3, 4}, "float", Kind::kFrozen}}, idle), "4"),
              HasSubstr("only parameters that require no gradients"));
  for (const auto& [type, told] :
       {std::pair{"half", "Half"}, {"long", "Long"}, {"complex", "ComplexFloat"}}) {
    EXPECT_THAT(ErrorOf(MakeTorchScript({{"w", {3, 4}}, {"odd", {2}, type}}, kLinear), "4"),
                HasSubstr(std::string("parameter odd is ") + told + "; allowed: float32"));
  }
  EXPECT_THAT(
      ErrorOf(MakeTorchScript({{"w", {3, 4}}, {"v", {4, 3}, "float", Kind::kTrained, "", "w"}},
                              kLinear),
              "4"),
      HasSubstr("w and v share memory"));
}

TEST(DescribeModel, WhatForwardReturnsIsChecked) {
  EXPECT_THAT(ErrorOfForward("return torch.mm(x, torch.t(self.w)).sum()"),
              HasSubstr("forward returns [] for [2, 4]; required: [2, outputs]"));
  EXPECT_THAT(ErrorOfForward("return torch.t(torch.mm(x, torch.t(self.w)))"),
              HasSubstr("forward returns [3, 2] for [2, 4]"));
  EXPECT_THAT(ErrorOfForward("return torch.mm(x, torch.t(self.w)).to(7)"),
              HasSubstr("forward returns Double; required: float32"));
  EXPECT_THAT(ErrorOfForward("return (x, torch.mm(x, torch.t(self.w)))"),
              HasSubstr("forward returns Tuple; required: one tensor"));
  EXPECT_THAT(ErrorOfForward("return torch.mm(x, torch.t(self.w))[:, :1]"),
              HasSubstr("forward returns 1 numbers each; allowed: 2 to 65536"));
  EXPECT_THAT(ErrorOfForward("return x"), HasSubstr("does not require grad"));
  EXPECT_THAT(ErrorOfForward("return torch.mm(x, torch.t(self.w)) / 0.0"),
              HasSubstr("the loss is nan in training mode on [2, 4]"));
}

TEST(DescribeModel, WhatItIsGivenHasToFit) {
  const std::string linear = MakeTorchScript({{"w", {3, 4}}}, kLinear);
  EXPECT_TRUE(DescribeModel(linear, ParseInputText("4").value()).ok());
  EXPECT_THAT(ErrorOf(linear), HasSubstr("does not say what the model is given; --input says it"));
  EXPECT_THAT(ErrorOf(linear, "5"), HasSubstr("mat1 and mat2 shapes cannot be multiplied"));
  EXPECT_THAT(ErrorOf(linear, "1x2x2"), HasSubstr("(on [2, 1, 2, 2])"));
  EXPECT_THAT(ErrorOf(MakeTorchScript({{"w", {3, 4}}}, kLinear, "4x")),
              HasSubstr("\"4x\" is not what a model is given"));
}

// A traced module has the batch of its example built in.
TEST(DescribeModel, OtherBatchesHaveToWork) {
  EXPECT_THAT(ErrorOfForward("return torch.mm(x.view([2, 4]), torch.t(self.w))"),
              HasSubstr("in evaluation mode on [1, 4]"));
}

TEST(DescribeModel, WhatAModelKeepsHasToFitTheNextCall) {
  EXPECT_THAT(ErrorOfForward("self.calls = self.calls + 1\n"
                             "    if self.training and self.calls > 1:\n"
                             "        x = torch.view(x, [7, -1])\n"
                             "    return torch.mm(x, torch.t(self.w))"),
              HasSubstr("(at the second step on [2, 4])"));
  EXPECT_THAT(ErrorOfForward("if self.training:\n"
                             "        self.calls = torch.size(x, 0)\n"
                             "    elif self.calls > 0:\n"
                             "        x = torch.view(x, [self.calls, 4])\n"
                             "    return torch.mm(x, torch.t(self.w))"),
              HasSubstr("(in evaluation mode after a step on [1, 4])"));
}

TEST(DescribeModel, TensorsThatACopyWouldMixUpAreRefused) {
  const auto attribute = MadeTensor::Kind::kAttribute;
  EXPECT_THAT(ErrorOf(MakeTorchScript({{"w", {3, 4}},
                                       {"table", {2, 3}, "float", attribute},
                                       {"second", {3}, "float", attribute, "", "table"}},
                                      "def forward(self, x):\n"
                                      "    return torch.mm(x, torch.t(self.w)) + self.second"),
                      "4"),
              HasSubstr("a copy of it gives another result in evaluation mode on [2, 4]"));
}

TEST(DescribeModel, FilesAreOutOfReach) {
  EXPECT_THAT(
      ErrorOfForward("return torch.mm(x, torch.t(self.w)) + torch.from_file('/tmp/x', False, 3)"),
      HasSubstr("aten::from_file is not allowed"));
}

}  // namespace
}  // namespace lathe
