#include "evaluators/torch/testing/made_modules.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <cmath>
#include <map>
#include <sstream>

#include "dsl/random.h"
#include "evaluators/torch/describe_model.h"

namespace lathe {
namespace {

at::ScalarType TypeOf(const std::string& name) {
  static const std::map<std::string, at::ScalarType> kTypes = {{"float", at::kFloat},
                                                               {"half", at::kHalf},
                                                               {"long", at::kLong},
                                                               {"complex", at::kComplexFloat}};
  return kTypes.at(name);
}

// Uniform within 1/sqrt(fan in), as torch's layers start.
at::Tensor Drawn(const MadeTensor& made) {
  at::Tensor values = at::empty(made.sizes, at::kFloat);
  RandomStream random(11, {made.name.size(), static_cast<uint64_t>(values.numel())});
  const int64_t rows = made.sizes.empty() ? 1 : made.sizes.front();
  const double bound = 1 / std::sqrt(static_cast<double>(values.numel() / rows));
  float* const to = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    to[i] = static_cast<float>(bound * (2 * random.Uniform() - 1));
  }
  return values.to(TypeOf(made.type));
}

}  // namespace

std::string MakeTorchScript(const std::vector<MadeTensor>& tensors, const std::string& source,
                            const std::string& example) {
  torch::jit::Module module("Made");
  module.register_attribute("training", c10::BoolType::get(), true);
  module.register_attribute("calls", c10::IntType::get(), 0);
  std::map<std::string, at::Tensor> values;
  for (const MadeTensor& made : tensors) {
    at::Tensor tensor = Drawn(made);
    if (!made.tied_to.empty()) tensor = values.at(made.tied_to);
    const bool attribute = made.kind == MadeTensor::Kind::kAttribute;
    if (!made.view_of.empty()) {
      tensor = values.at(made.view_of).detach();
      tensor = attribute ? tensor[1] : tensor.view(made.sizes);
    }
    if (made.kind == MadeTensor::Kind::kTrained && made.type != "long") tensor.requires_grad_(true);
    values[made.name] = tensor;
    if (attribute) {
      module.register_attribute(made.name, c10::TensorType::get(), tensor);
    } else if (made.kind == MadeTensor::Kind::kBuffer) {
      module.register_buffer(made.name, tensor);
    } else {
      module.register_parameter(made.name, tensor, /*is_buffer=*/false);
    }
  }
  module.define(source + "\n");
  std::ostringstream file;
  torch::jit::ExtraFilesMap extra;
  if (!example.empty()) extra["lathe_example"] = example;
  module.save(file, extra);
  return file.str();
}

std::string MakeConvNetFile() {
  return MakeTorchScript({{"w1", {8, 1, 3, 3}},
                          {"b1", {8}},
                          {"w2", {16, 8, 3, 3}},
                          {"b2", {16}},
                          {"w3", {10, 64}},
                          {"b3", {10}}},
                         R"(
def forward(self, x):
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.w1, self.b1, [1, 1], [1, 1])), [2, 2])
    x = torch.max_pool2d(torch.relu(torch.conv2d(x, self.w2, self.b2, [1, 1], [1, 1])), [2, 2])
    return torch.addmm(self.b3, torch.flatten(x, 1), torch.t(self.w3))
)",
                         "1x8x8");
}

std::string MakeForgetfulNetFile() {
  const auto buffer = MadeTensor::Kind::kBuffer;
  return MakeTorchScript({{"w1", {8, 1, 3, 3}},
                          {"gain", {8}},
                          {"shift", {8}},
                          {"mean", {8}, "float", buffer},
                          {"variance", {8}, "float", buffer},
                          {"w2", {10, 128}}},
                         R"(
def forward(self, x):
    self.calls = self.calls + 1
    x = torch.conv2d(x, self.w1, None, [1, 1], [1, 1])
    x = torch.batch_norm(x, self.gain, self.shift, self.mean, torch.abs_(self.variance),
                         self.training, 0.1, 1e-3, False)
    x = torch.flatten(torch.max_pool2d(torch.relu(x), [2, 2]), 1)
    x = torch.dropout(x, 0.25, self.training)
    return torch.mm(x, torch.t(self.w2)) * (1.0 + 0.01 * float(self.calls))
)",
                         "1x8x8");
}

v1::RegisteredModel RegisterMade(const std::string& directory, const std::string& name,
                                 const std::string& file) {
  const auto model = DescribeModel(file, {});
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return {};
  EXPECT_TRUE(RegisterModel(directory, name, file, *model, /*replace=*/true).ok());
  return *model;
}

}  // namespace lathe
