// The programs that ship with the language against what torch has under the same name, in double.
// Teacher-forced: before each step both sides get equal inputs. dsl/known_optimizers_test.cc and
// dsl/known_layers_test.cc compare all of them with their papers.
#include "dsl/known_programs.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dsl/buffers.h"
#include "dsl/executor.h"
#include "dsl/random.h"

namespace lathe {
namespace {

constexpr int kSteps = 100;

// Tensors as a user's model has them, and what the language makes of them.
const std::vector<std::vector<int64_t>> kExtents = {{3, 4}, {5}, {2, 3, 2}, {}, {1, 7}, {6, 1}};
const std::vector<Shape> kShapes = {{3, 4}, {5, 1}, {2, 6}, {1, 1}, {1, 7}, {6, 1}};

using Hypers = std::map<std::string, double>;
using Values = std::vector<std::vector<double>>;  // per parameter

// One of torch's optimizers.
class Teacher {
 public:
  using MakeOptimizer =
      std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<torch::Tensor>)>;
  using SetRate = std::function<void(torch::optim::OptimizerOptions&, double)>;

  Teacher(const MakeOptimizer& make, SetRate set_rate) : set_rate_(std::move(set_rate)) {
    for (const auto& extents : kExtents) {
      parameters_.push_back(torch::zeros(extents, torch::kDouble).requires_grad_(true));
      parameters_.back().mutable_grad() = torch::zeros(extents, torch::kDouble);
    }
    optimizer_ = make(parameters_);
  }

  Values Update(const Values& w, const Values& g, double lr) {
    for (size_t p = 0; p < w.size(); ++p) {
      std::copy(w[p].begin(), w[p].end(), parameters_[p].data_ptr<double>());
      std::copy(g[p].begin(), g[p].end(), parameters_[p].grad().data_ptr<double>());
    }
    set_rate_(optimizer_->param_groups()[0].options(), lr);
    optimizer_->step();
    Values update = w;
    for (size_t p = 0; p < w.size(); ++p) {
      for (size_t i = 0; i < w[p].size(); ++i) update[p][i] -= parameters_[p].data_ptr<double>()[i];
    }
    return update;
  }

 private:
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  SetRate set_rate_;
};

template <typename Optimizer, typename Options>
std::unique_ptr<Teacher> MakeTeacher(const Options& options) {
  return std::make_unique<Teacher>(
      [&](std::vector<torch::Tensor> parameters) {
        return std::make_unique<Optimizer>(std::move(parameters), options);
      },
      [](torch::optim::OptimizerOptions& o, double lr) { static_cast<Options&>(o).lr(lr); });
}

std::unique_ptr<Teacher> MakeSgd(const Hypers& hypers) {
  return MakeTeacher<torch::optim::SGD>(
      torch::optim::SGDOptions(1).weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeMomentum(const Hypers& hypers) {
  return MakeTeacher<torch::optim::SGD>(torch::optim::SGDOptions(1)
                                            .momentum(hypers.at("momentum"))
                                            .weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeRmsprop(const Hypers& hypers) {
  return MakeTeacher<torch::optim::RMSprop>(torch::optim::RMSpropOptions(1)
                                                .alpha(hypers.at("alpha"))
                                                .eps(hypers.at("eps"))
                                                .weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeAdamW(const Hypers& hypers) {
  return MakeTeacher<torch::optim::AdamW>(torch::optim::AdamWOptions(1)
                                              .betas({hypers.at("b1"), hypers.at("b2")})
                                              .eps(hypers.at("eps"))
                                              .weight_decay(hypers.at("weight_decay")));
}

std::unique_ptr<Teacher> MakeNesterov(const Hypers& hypers) {
  return MakeTeacher<torch::optim::SGD>(torch::optim::SGDOptions(1)
                                            .momentum(hypers.at("momentum"))
                                            .weight_decay(hypers.at("weight_decay"))
                                            .nesterov(true));
}

std::unique_ptr<Teacher> MakeAdagrad(const Hypers& hypers) {
  return MakeTeacher<torch::optim::Adagrad>(torch::optim::AdagradOptions(1)
                                                .eps(hypers.at("eps"))
                                                .weight_decay(hypers.at("weight_decay")));
}

template <bool amsgrad>
std::unique_ptr<Teacher> MakeAdam(const Hypers& hypers) {
  return MakeTeacher<torch::optim::Adam>(torch::optim::AdamOptions(1)
                                             .betas({hypers.at("b1"), hypers.at("b2")})
                                             .eps(hypers.at("eps"))
                                             .weight_decay(hypers.at("weight_decay"))
                                             .amsgrad(amsgrad));
}

struct Case {
  std::string program;
  std::unique_ptr<Teacher> (*make_teacher)(const Hypers&);
  Hypers hypers;  // the program's own that are meant; others are set beside them
  Hypers changed;
};

const std::vector<Case>& Cases() {
  static const auto* const cases = new std::vector<Case>{
      {"sgd", MakeSgd, {{"weight_decay", 0}}, {{"weight_decay", 0.03}}},
      {"momentum",
       MakeMomentum,
       {{"momentum", 0.9}, {"weight_decay", 0}},
       {{"momentum", 0.5}, {"weight_decay", 0.03}}},
      {"rmsprop",
       MakeRmsprop,
       {{"alpha", 0.99}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"alpha", 0.9}, {"eps", 1e-3}, {"weight_decay", 0.03}}},
      {"adamw",
       MakeAdamW,
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0.01}},
       {{"b1", 0.8}, {"b2", 0.99}, {"eps", 1e-3}, {"weight_decay", 0.1}}},
      {"nesterov",
       MakeNesterov,
       {{"momentum", 0.9}, {"weight_decay", 0}},
       {{"momentum", 0.5}, {"weight_decay", 0.03}}},
      {"adagrad",
       MakeAdagrad,
       {{"eps", 1e-10}, {"weight_decay", 0}},
       {{"eps", 1e-3}, {"weight_decay", 0.03}}},
      {"adam",
       MakeAdam<false>,
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"b1", 0.8}, {"b2", 0.99}, {"eps", 1e-3}, {"weight_decay", 0.03}}},
      {"amsgrad",
       MakeAdam<true>,
       {{"b1", 0.9}, {"b2", 0.999}, {"eps", 1e-8}, {"weight_decay", 0}},
       {{"b1", 0.8}, {"b2", 0.5}, {"eps", 1e-3}, {"weight_decay", 0.03}}},
  };
  return *cases;
}

// Normal numbers of many sizes; every eighth is exactly 0, as gradients of dead inputs are.
Values RandomGradients(RandomStream& random) {
  Values values;
  for (const Shape& shape : kShapes) {
    std::vector<double>& row = values.emplace_back();
    for (int64_t i = 0; i < shape.Elements(); ++i) {
      const double size = PortableExp2(-12 * random.Uniform());
      row.push_back(random.Below(8) == 0 ? 0.0 : random.Normal() * size);
    }
  }
  return values;
}

// Runs a program in double on arrays of the test's own.
class Student {
 public:
  explicit Student(const Program& program)
      : execution_(ReferenceExecutor().Prepare(program, kShapes).value()) {}

  Values Update(Values& w, Values& g, double lr, double t) {
    double total_steps = kSteps;
    Values update = w;
    StepBindings bindings;
    const Signature& signature = OptimizerSignature();
    bindings.inputs.resize(signature.inputs.size());
    bindings.outputs.resize(signature.outputs.size());
    const auto input = [&](std::string_view name) -> std::vector<ArrayRef>& {
      return bindings.inputs[static_cast<size_t>(*signature.InputByName(name))];
    };
    for (size_t p = 0; p < w.size(); ++p) {
      input("w").emplace_back(w[p].data());
      input("g").emplace_back(g[p].data());
      bindings.outputs[0].emplace_back(update[p].data());
    }
    input("lr") = {ArrayRef(&lr)};
    input("t") = {ArrayRef(&t)};
    input("total_steps") = {ArrayRef(&total_steps)};
    EXPECT_TRUE(execution_->Step(bindings).ok());
    return update;
  }

 private:
  std::unique_ptr<Execution> execution_;
};

double LargestMagnitude(const std::vector<double>& values) {
  double largest = 0;
  for (double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// 1e-12 relative, and the rounding of sums of numbers as large as those of the parameter: torch
// gives its update only as the difference of two parameters.
void ExpectClose(const Values& actual, const Values& expected, const Values& w) {
  for (size_t p = 0; p < actual.size(); ++p) {
    const double rounding = 1e-15 * (LargestMagnitude(expected[p]) + LargestMagnitude(w[p]));
    for (size_t i = 0; i < actual[p].size(); ++i) {
      EXPECT_NEAR(actual[p][i], expected[p][i], 1e-12 * std::abs(expected[p][i]) + rounding)
          << "parameter " << p << ", element " << i;
    }
  }
}

void Compare(const Program& program, Teacher& teacher) {
  RandomStream random(7, {});
  Student student(program);
  Values w = RandomGradients(random);
  for (int t = 1; t <= kSteps; ++t) {
    SCOPED_TRACE(t);
    Values g = RandomGradients(random);
    const double lr = 1 - 0.9 * t / kSteps;
    const Values expected = teacher.Update(w, g, lr);
    ExpectClose(student.Update(w, g, lr, t), expected, w);
    if (testing::Test::HasFailure()) return;
    for (size_t p = 0; p < w.size(); ++p) {
      for (size_t i = 0; i < w[p].size(); ++i) w[p][i] -= expected[p][i];
    }
  }
}

class KnownProgramCase : public testing::TestWithParam<Case> {};

TEST_P(KnownProgramCase, HasTheDocumentedHypers) {
  const Program program = KnownProgram(GetParam().program).value();
  Hypers actual;
  for (const Hyper& hyper : program.hypers) actual[hyper.name] = hyper.value;
  EXPECT_EQ(actual, GetParam().hypers);
}

TEST_P(KnownProgramCase, UpdatesLikeItsTeacher) {
  const Program program = KnownProgram(GetParam().program).value();
  Compare(program, *GetParam().make_teacher(GetParam().hypers));
}

TEST_P(KnownProgramCase, UpdatesLikeItsTeacherWithOtherHypers) {
  Program program = KnownProgram(GetParam().program).value();
  for (Hyper& hyper : program.hypers) hyper.value = GetParam().changed.at(hyper.name);
  Compare(program, *GetParam().make_teacher(GetParam().changed));
}

INSTANTIATE_TEST_SUITE_P(All, KnownProgramCase, testing::ValuesIn(Cases()),
                         [](const auto& tested) { return tested.param.program; });

namespace F = torch::nn::functional;

constexpr double kEps = 1e-5;
constexpr int kBatch = 4, kHeight = 3, kWidth = 5;

torch::Tensor PerChannel(const torch::Tensor& values) {
  return values.view({1, -1, 1, 1});
}

// What torch keeps of a batch normalization, and the weights by channel.
struct TorchLayer {
  torch::Tensor gamma, beta, mean, var;
  int groups;
};

using Normalize = torch::Tensor (*)(const torch::Tensor& x, TorchLayer& layer, bool training);

torch::Tensor BatchNorm(const torch::Tensor& x, TorchLayer& layer, bool training) {
  return F::batch_norm(x, layer.mean, layer.var,
                       F::BatchNormFuncOptions()
                           .weight(layer.gamma)
                           .bias(layer.beta)
                           .training(training)
                           .momentum(kBufferMomentum)
                           .eps(kEps));
}

// With one weight per channel in the place of one per element.
torch::Tensor LayerNorm(const torch::Tensor& x, TorchLayer& layer, bool) {
  const auto normalized =
      F::layer_norm(x, F::LayerNormFuncOptions({x.size(1), x.size(2), x.size(3)}).eps(kEps));
  return normalized * PerChannel(layer.gamma) + PerChannel(layer.beta);
}

torch::Tensor GroupNorm(const torch::Tensor& x, TorchLayer& layer, bool) {
  return F::group_norm(
      x, F::GroupNormFuncOptions(layer.groups).weight(layer.gamma).bias(layer.beta).eps(kEps));
}

torch::Tensor InstanceNorm(const torch::Tensor& x, TorchLayer& layer, bool) {
  return F::instance_norm(
      x, F::InstanceNormFuncOptions().weight(layer.gamma).bias(layer.beta).eps(kEps));
}

struct LayerCase {
  std::string program;
  Normalize normalize;
  bool silu;
};

class KnownLayerCase : public testing::TestWithParam<LayerCase> {
 protected:
  // The program's output for a batch in torch's layout, which is its own.
  static torch::Tensor Step(Execution& execution, torch::Tensor x, TorchLayer& layer,
                            bool training) {
    torch::Tensor y = torch::empty_like(x);
    StepBindings bindings;
    bindings.training = training;
    bindings.inputs.resize(LayerSignature().inputs.size());
    const auto input = [&](std::string_view name, torch::Tensor& values) {
      bindings.inputs[static_cast<size_t>(*LayerSignature().InputByName(name))] = {
          ArrayRef(values.data_ptr<double>())};
    };
    input("x", x);
    input("gamma", layer.gamma);
    input("beta", layer.beta);
    bindings.outputs.push_back({ArrayRef(y.data_ptr<double>())});
    EXPECT_TRUE(execution.Step(bindings).ok());
    return y;
  }

  static std::vector<double> Numbers(const torch::Tensor& values) {
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }
};

TEST_P(KnownLayerCase, ComputesLikeTorch) {
  torch::manual_seed(5);
  const Program program = KnownProgram(GetParam().program).value();
  const bool buffered = !Buffers(program).empty();
  // Six channels in at most four groups are three of two.
  for (const auto& [channels, at_most, groups] : {std::array{6, 4, 3}, {8, 2, 2}, {7, 4, 1}}) {
    const std::vector<Shape> shapes = {LayerShape(kBatch, channels, kHeight, kWidth, at_most)};
    const auto execution = ReferenceExecutor().Prepare(program, shapes).value();
    const auto doubles = torch::TensorOptions(torch::kDouble);
    TorchLayer layer{torch::randn(channels, doubles), torch::randn(channels, doubles),
                     torch::zeros(channels, doubles), torch::ones(channels, doubles), groups};
    for (int step = 0; step < 10; ++step) {
      SCOPED_TRACE(step);
      const bool training = step % 3 != 2;
      const auto x = torch::randn({kBatch, channels, kHeight, kWidth}, doubles) * (step + 1) + 0.5;
      if (buffered) {
        ASSERT_TRUE(execution->WriteBuffer(0, Numbers(layer.mean)).ok());
        ASSERT_TRUE(execution->WriteBuffer(1, Numbers(layer.var)).ok());
      }
      const torch::Tensor var_before = layer.var.clone();
      torch::Tensor expected = GetParam().normalize(x, layer, training);
      expected = GetParam().silu ? torch::silu(expected) : torch::relu(expected);
      const torch::Tensor actual = Step(*execution, x, layer, training);
      EXPECT_LE((actual - expected).abs().max().item<double>(),
                1e-12 * expected.abs().max().item<double>());
      if (!buffered) continue;
      // torch keeps the unbiased variance, a buffer the biased one.
      const double count = kBatch * kHeight * kWidth;
      const torch::Tensor kept = (1 - kBufferMomentum) * var_before;
      const torch::Tensor var =
          training ? kept + (layer.var - kept) * (count - 1) / count : layer.var;
      const std::vector<double> mean = execution->ReadBuffer(0), ours = execution->ReadBuffer(1);
      for (int c = 0; c < channels; ++c) {
        EXPECT_NEAR(mean[c], layer.mean[c].item<double>(), 1e-12);
        EXPECT_NEAR(ours[c], var[c].item<double>(), 1e-12 * ours[c]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KnownLayerCase,
                         testing::Values(LayerCase{"batchnorm_relu", BatchNorm, false},
                                         LayerCase{"batchnorm_silu", BatchNorm, true},
                                         LayerCase{"layernorm_relu", LayerNorm, false},
                                         LayerCase{"layernorm_silu", LayerNorm, true},
                                         LayerCase{"groupnorm_relu", GroupNorm, false},
                                         LayerCase{"groupnorm_silu", GroupNorm, true},
                                         LayerCase{"instancenorm_relu", InstanceNorm, false},
                                         LayerCase{"instancenorm_silu", InstanceNorm, true}),
                         [](const auto& tested) { return tested.param.program; });

}  // namespace
}  // namespace lathe
