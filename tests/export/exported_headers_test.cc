// Exported headers: they compile together, next to free text that wants out of its comment, and
// compute what the reference does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "all.h"
#include "dsl/buffers.h"
#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/text.h"
#include "dsl/vm/executor.h"
#include "tests/export/every_op.h"

namespace lathe {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

const std::vector<std::vector<int64_t>> kSizes = {{7, 5}, {6}, {}, {4, 3, 2}, {1, 9}};
constexpr double kRate = 0.01;
constexpr int kSteps = 100;

Program ProgramOf(const std::string& name) {
  if (const auto known = KnownProgram(name); known.ok()) return *known;
  for (const auto& [own, text] : EveryOpPrograms()) {
    if (own == name) return *ParseOrStatus(text, name);
  }
  ADD_FAILURE() << "no program " << name;
  return {};
}

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  for (const std::vector<int64_t>& sizes : kSizes) {
    Shape& shape = shapes.emplace_back();
    if (!sizes.empty()) shape.rows = sizes[0];
    for (size_t i = 1; i < sizes.size(); ++i) shape.cols *= sizes[i];
  }
  return shapes;
}

Tensors RandomTensors(RandomStream& random, torch::ScalarType type, double scale) {
  Tensors tensors;
  for (const std::vector<int64_t>& sizes : kSizes) {
    Tensor& tensor = tensors.emplace_back(torch::zeros(sizes, torch::kFloat64));
    double* values = tensor.data_ptr<double>();
    for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = scale * random.Normal();
    tensor = tensor.to(type);
  }
  return tensors;
}

std::vector<double> Values(const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(torch::kFloat64).contiguous().reshape({-1});
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<double> ReferenceValues(const torch::IValue& value) {
  if (value.isTensor()) return Values(value.toTensor());
  return {value.toDouble()};
}

double Largest(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

// The share of elements that are further away than allowed.
double ShareOff(const std::vector<double>& actual, const std::vector<double>& expected,
                double allowed) {
  if (actual.size() != expected.size()) return 1;
  int off = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const bool same =
        actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i]));
    if (!same && !(std::fabs(actual[i] - expected[i]) <= allowed)) ++off;
  }
  return static_cast<double>(off) / static_cast<double>(std::max<size_t>(1, actual.size()));
}

std::vector<ArrayRef> Refs(Tensors& tensors) {
  std::vector<ArrayRef> refs;
  for (Tensor& tensor : tensors) {
    if (tensor.scalar_type() == torch::kFloat64) {
      refs.emplace_back(tensor.data_ptr<double>());
    } else {
      refs.emplace_back(tensor.data_ptr<float>());
    }
  }
  return refs;
}

// The same program behind the seam of executors.
class Reference {
 public:
  Reference(const Program& program, const Executor& executor)
      : program_(program), run_(*executor.Prepare(program_, Shapes())) {}

  Tensors Step(Tensors params, Tensors gradients, double step) {
    Tensors updates;
    for (const Tensor& p : params) updates.push_back(torch::zeros_like(p));
    double rate = kRate, total = kSteps;
    const StepBindings bindings{
        .inputs = {Refs(params), Refs(gradients), {&rate}, {&step}, {&total}, {}, {}},
        .outputs = {Refs(updates)},
        .active = {}};
    EXPECT_TRUE(run_->Step(bindings).ok());
    return updates;
  }
  std::vector<double> State(int state, int parameter) const {
    return run_->ReadState(state, parameter);
  }

 private:
  const Program program_;
  const std::unique_ptr<Execution> run_;
};

void SetGradients(Tensors& params, const Tensors& gradients) {
  for (size_t i = 0; i < params.size(); ++i) params[i].mutable_grad() = gradients[i].clone();
}

// What an optimizer saves.
torch::serialize::InputArchive Saved(const torch::optim::Optimizer& optimizer) {
  std::stringstream stream;
  torch::serialize::OutputArchive out;
  optimizer.save(out);
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  return in;
}

void ExpectStatesEqual(const std::string& name, const Program& program,
                       const torch::optim::Optimizer& optimizer, const Reference& reference) {
  torch::serialize::InputArchive saved = Saved(optimizer), group;
  saved.read("group_0", group);
  for (size_t i = 0; i < program.states.size(); ++i) {
    const State& state = program.states[i];
    const size_t count = state.axes.Has(Axis::kP) ? kSizes.size() : 1;
    for (size_t p = 0; p < count; ++p) {
      torch::serialize::InputArchive own;
      const bool of_parameter = state.axes.Has(Axis::kP);
      if (of_parameter) group.read("state_" + std::to_string(p), own);
      torch::IValue value;
      (of_parameter ? own : group).read(state.name, value);
      const std::vector<double> expected =
          reference.State(static_cast<int>(i), static_cast<int>(p));
      EXPECT_EQ(ShareOff(ReferenceValues(value), expected, 1e-9 * Largest(expected) + 1e-300), 0)
          << name << ", state " << state.name << " of parameter " << p;
    }
  }
}

// In double against the reference: every element. In float against the vm: but for some of an
// op that jumps.
template <typename Optimizer, typename Options>
void CompareTeacherForced(const std::string& name, torch::ScalarType type, int steps) {
  const bool in_double = type == torch::kFloat64;
  const Program program = ProgramOf(name);
  Reference reference(program, in_double ? ReferenceExecutor() : VmExecutor());
  RandomStream random(5, {});
  Tensors params = RandomTensors(random, type, 1);
  Optimizer optimizer(params, Options(kRate));
  for (int step = 1; step <= steps; ++step) {
    const Tensors gradients = RandomTensors(random, type, std::pow(10, step % 5 - 2));
    SetGradients(params, gradients);
    Tensors before;
    for (const Tensor& p : params) before.push_back(p.clone());
    const Tensors expected = reference.Step(before, gradients, step);
    optimizer.step();
    for (size_t i = 0; i < params.size(); ++i) {
      const std::vector<double> wanted = Values(expected[i]);
      const double allowed =
          in_double ? 1e-10 * Largest(wanted) + 1e-14 : 1e-3 * Largest(wanted) + 1e-6;
      ASSERT_LE(ShareOff(Values(before[i] - params[i]), wanted, allowed), in_double ? 0 : 0.2)
          << name << ", step " << step << ", parameter " << i;
      params[i].copy_(before[i]);
    }
  }
  if (in_double) ExpectStatesEqual(name, program, optimizer, reference);
}

// Whatever is saved goes on, in another object, as the one that it was saved of.
template <typename Optimizer, typename Options>
void ExpectGoesOnFromWhatWasSaved(const std::string& name) {
  RandomStream random(6, {});
  Tensors params = RandomTensors(random, torch::kFloat32, 1), others;
  Optimizer optimizer(params, Options(kRate));
  for (int step = 0; step < 3; ++step) {
    SetGradients(params, RandomTensors(random, torch::kFloat32, 1));
    optimizer.step();
  }
  for (const Tensor& p : params) others.push_back(p.clone());
  std::stringstream stream;
  torch::save(optimizer, stream);
  Optimizer other(others, Options(1.0));
  torch::load(other, stream);
  for (int step = 0; step < 3; ++step) {
    const Tensors gradients = RandomTensors(random, torch::kFloat32, 1);
    SetGradients(params, gradients);
    SetGradients(others, gradients);
    optimizer.step();
    other.step();
  }
  for (size_t i = 0; i < params.size(); ++i) {
    EXPECT_EQ(ShareOff(Values(params[i]), Values(others[i]), 0), 0) << name << ", parameter " << i;
  }
}

bool IsOfEveryOp(const std::string& name) {
  return name.starts_with("ops_");
}

TEST(ExportedHeadersTest, OptimizersEqualTheReferenceInDouble) {
#define LATHE_COMPARE(name, Class)                                    \
  CompareTeacherForced<Class, Class##Options>(#name, torch::kFloat64, \
                                              IsOfEveryOp(#name) ? 3 : kSteps);
  LATHE_EXPORTED_OPTIMIZERS(LATHE_COMPARE)
#undef LATHE_COMPARE
}

TEST(ExportedHeadersTest, OptimizersEqualTheVmInFloat) {
#define LATHE_COMPARE(name, Class) \
  if (!IsOfEveryOp(#name))         \
    CompareTeacherForced<Class, Class##Options>(#name, torch::kFloat32, kSteps);
  LATHE_EXPORTED_OPTIMIZERS(LATHE_COMPARE)
#undef LATHE_COMPARE
}

TEST(ExportedHeadersTest, OptimizersGoOnFromWhatWasSaved) {
#define LATHE_COMPARE(name, Class) ExpectGoesOnFromWhatWasSaved<Class, Class##Options>(#name);
  LATHE_EXPORTED_OPTIMIZERS(LATHE_COMPARE)
#undef LATHE_COMPARE
}

constexpr int64_t kBatch = 3, kChannels = 12, kHeight = 4, kWidth = 5, kGroups = 4;

Tensor Drawn(at::IntArrayRef sizes, RandomStream& random, double scale, double offset) {
  Tensor tensor = torch::zeros(sizes, torch::kFloat64);
  double* values = tensor.data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = offset + scale * random.Normal();
  return tensor;
}

// The arrays of a layer's inputs, in the order of the signature.
std::vector<std::vector<ArrayRef>> LayerInputs(const Program& program, torch::nn::Module& layer,
                                               Tensor& x) {
  std::vector<std::vector<ArrayRef>> inputs;
  auto parameters = layer.named_parameters();
  for (const SignatureInput& input : program.signature->inputs) {
    const std::string name(input.name);
    auto& arrays = inputs.emplace_back();
    if (name == "x") arrays.emplace_back(x.data_ptr<double>());
    if (parameters.contains(name)) arrays.emplace_back(parameters[name].data_ptr<double>());
  }
  return inputs;
}

template <typename Layer, typename Options>
void CompareLayer(const std::string& name) {
  const Program program = ProgramOf(name);
  Layer layer(Options(kChannels).groups(kGroups)), other(Options(kChannels).groups(kGroups));
  layer->to(torch::kFloat64);
  other->to(torch::kFloat64);
  RandomStream random(7, {});
  torch::NoGradGuard no_grad;
  for (auto& parameter : layer->parameters()) parameter.copy_(Drawn({kChannels}, random, 0.2, 1));
  const Shape shape = LayerShape(kBatch, kChannels, kHeight, kWidth, kGroups);
  auto run = *ReferenceExecutor().Prepare(program, std::vector{shape});
  for (int step = 0; step < 5; ++step) {
    Tensor x = Drawn({kBatch, kChannels, kHeight, kWidth}, random, 2, 0.5);
    Tensor expected = torch::zeros_like(x);
    const bool training = step < 4;
    layer->train(training);
    const StepBindings bindings{.inputs = LayerInputs(program, *layer, x),
                                .outputs = {{expected.data_ptr<double>()}},
                                .active = {},
                                .training = training};
    ASSERT_TRUE(run->Step(bindings).ok());
    EXPECT_TRUE(torch::allclose(layer(x), expected, 1e-10, 1e-12)) << name << ", step " << step;
  }
  const auto buffers = layer->buffers();
  ASSERT_EQ(buffers.size(), Buffers(program).size()) << name;
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(ShareOff(Values(buffers[i]), run->ReadBuffer(static_cast<int>(i)), 1e-12), 0) << name;
  }
  std::stringstream stream;
  torch::save(layer, stream);
  torch::load(other, stream);
  other->eval();
  const Tensor x = Drawn({2, kChannels, 3, 3}, random, 1, 0);
  EXPECT_TRUE(torch::equal(layer(x), other(x))) << name;
}

TEST(ExportedHeadersTest, LayersEqualTheReferenceInTrainingAndEvaluation) {
#define LATHE_COMPARE(name, Class) CompareLayer<Class, Class##Options>(#name);
  LATHE_EXPORTED_LAYERS(LATHE_COMPARE)
#undef LATHE_COMPARE
}

// What is said of a call that fails.
template <typename Call>
std::string Told(Call call) {
  try {
    call();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "nothing";
}

using ::testing::HasSubstr;

TEST(ExportedHeadersTest, SayWhatTheyCannotTake) {
  using lathe_adamw::Adamw;
  using lathe_adamw::AdamwOptions;
  const Tensors params = {torch::zeros({3, 2})};
  EXPECT_THAT(Told([&] { Adamw(params, AdamwOptions(0.1).b1(1)); }),
              HasSubstr("the hyper b1 is 1, which is not in its range [0, 1)"));
  EXPECT_THAT(Told([&] { Adamw({torch::zeros({2}, torch::kInt64)}, AdamwOptions(0.1)); }),
              HasSubstr("parameters have to be real and dense"));
  EXPECT_THAT(
      Told([&] {
        lathe_batchnorm_relu::BatchnormRelu layer(lathe_batchnorm_relu::BatchnormReluOptions(6));
        layer(torch::zeros({2, 5, 3, 3}));
      }),
      HasSubstr("takes [batch, 6, ...]"));
  Adamw saved(params, AdamwOptions(0.1));
  std::stringstream stream;
  torch::save(saved, stream);
  Adamw two({torch::optim::OptimizerParamGroup(params), torch::optim::OptimizerParamGroup(params)},
            AdamwOptions(0.1));
  EXPECT_THAT(Told([&] { torch::load(two, stream); }), HasSubstr("saved with 1 groups"));
}

TEST(ExportedHeadersTest, AStateOfAnotherShapeIsRefused) {
  const Tensors params = {torch::ones({3, 2})}, others = {torch::ones({2, 3})};
  params[0].mutable_grad() = torch::ones({3, 2});
  lathe_adamw::Adamw optimizer(params, lathe_adamw::AdamwOptions(0.1));
  optimizer.step();
  std::stringstream stream;
  torch::save(optimizer, stream);
  lathe_adamw::Adamw other(others, lathe_adamw::AdamwOptions(0.1));
  EXPECT_THAT(Told([&] { torch::load(other, stream); }),
              HasSubstr("the saved state m has the shape [3, 2], the parameter needs [2, 3]"));
}

TEST(ExportedHeadersTest, OnlyTheStatesThatWereSavedAreThereAfterLoading) {
  const Tensors params = {torch::ones({3, 2}), torch::ones({4})};
  for (const Tensor& p : params) p.mutable_grad() = torch::ones_like(p);
  lathe_momentum::Momentum optimizer(params, lathe_momentum::MomentumOptions(0.1));
  optimizer.step();
  const Tensors others = {torch::ones({3, 2}), torch::ones({4})};
  others[0].mutable_grad() = torch::ones({3, 2});
  lathe_momentum::Momentum saved(others, lathe_momentum::MomentumOptions(0.1));
  saved.step();
  std::stringstream stream;
  torch::save(saved, stream);
  torch::load(optimizer, stream);
  EXPECT_EQ(optimizer.state().size(), 1u);
  const Tensor before = params[1].clone();
  optimizer.step();
  EXPECT_TRUE(torch::allclose(before - params[1], torch::full({4}, 0.1)))
      << "the first step, of no momentum";
}

TEST(ExportedHeadersTest, StatesOfAnotherTypeTakeTheOneThatTheParameterNeeds) {
  const Tensors wide = {torch::ones({3, 2}, torch::kFloat64)}, narrow = {torch::ones({3, 2})};
  wide[0].mutable_grad() = torch::ones_like(wide[0]);
  narrow[0].mutable_grad() = torch::ones_like(narrow[0]);
  lathe_momentum::Momentum saved(wide, lathe_momentum::MomentumOptions(0.1));
  saved.step();
  std::stringstream stream;
  torch::save(saved, stream);
  lathe_momentum::Momentum other(narrow, lathe_momentum::MomentumOptions(0.1));
  torch::load(other, stream);
  const auto& state = static_cast<lathe_momentum::MomentumState&>(*other.state().begin()->second);
  EXPECT_EQ(state.m.scalar_type(), torch::kFloat32);
  other.step();
  EXPECT_TRUE(torch::allclose(state.m, torch::full({3, 2}, 1.9)));
}

TEST(ExportedHeadersTest, ParametersWithoutAGradientTakeNoPart) {
  Tensors params = {torch::ones({3, 2}), torch::ones({4})};
  lathe_adamw::Adamw optimizer(params, lathe_adamw::AdamwOptions(0.1));
  params[0].mutable_grad() = torch::ones({3, 2});
  optimizer.step();
  EXPECT_LT(params[0].max().item<double>(), 1);
  EXPECT_TRUE(torch::equal(params[1], torch::ones({4})));
  EXPECT_EQ(optimizer.state().size(), 1u);
}

TEST(ExportedHeadersTest, MaximizeIsDescentOfTheNegative) {
  Tensors up = {torch::ones({3, 2})}, down = {torch::ones({3, 2})};
  lathe_adamw::Adamw first(up, lathe_adamw::AdamwOptions(0.1).maximize(true));
  lathe_adamw::Adamw second(down, lathe_adamw::AdamwOptions(0.1));
  up[0].mutable_grad() = torch::full({3, 2}, 0.5);
  down[0].mutable_grad() = torch::full({3, 2}, -0.5);
  first.step();
  second.step();
  EXPECT_TRUE(torch::equal(up[0], down[0]));
}

}  // namespace
}  // namespace lathe
