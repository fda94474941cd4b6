#include "dsl/vm/testing/float_run.h"

#include <array>
#include <cmath>
#include <limits>

#include "dsl/buffers.h"

namespace lathe::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::array<float, 5> kTame = {0.0f, -0.0f, 1.0f, -1.0f, 1e-5f};
constexpr std::array<float, 6> kWild = {kInfinity, -kInfinity, NAN, 1e-40f, 3e38f, -1e-30f};
constexpr int kSteps = 3;

float RandomFloat(bool wild, RandomStream& random) {
  if (wild && random.Chance(0.05)) return kWild[random.Below(kWild.size())];
  if (random.Chance(0.05)) return kTame[random.Below(kTame.size())];
  const float number = static_cast<float>(random.Normal());
  return random.Chance(0.05) ? 100 * number : number;
}

template <typename Rows>
FloatArrays RandomArrays(const Rows& rows, std::span<const Shape> shapes, bool wild,
                         RandomStream& random) {
  FloatArrays arrays;
  for (const auto& row : rows) {
    auto& of_row = arrays.emplace_back();
    for (const Shape& shape : row.axes.Has(Axis::kP) ? shapes : shapes.first(1)) {
      std::vector<float>& array = of_row.emplace_back(shape.Elements(row.axes));
      for (float& x : array) x = RandomFloat(wild, random);
    }
  }
  return arrays;
}

std::vector<std::vector<ArrayRef>> RefsTo(FloatArrays& arrays) {
  std::vector<std::vector<ArrayRef>> refs;
  for (auto& of_row : arrays) {
    auto& views = refs.emplace_back();
    for (std::vector<float>& array : of_row) views.emplace_back(array.data());
  }
  return refs;
}

// The reference keeps doubles, of which all that a float can hold counts.
std::vector<double> InFloat(std::vector<double> values) {
  for (double& x : values) x = static_cast<float>(x);
  return values;
}

}  // namespace

StepBindings BindingsOf(FloatStep& step) {
  StepBindings bindings{RefsTo(step.inputs), RefsTo(step.outputs), step.active};
  bindings.subtract_outputs = step.subtract;
  bindings.training = step.training;
  if (step.aliased_input >= 0) bindings.outputs[0] = bindings.inputs[step.aliased_input];
  return bindings;
}

FloatTrace RunFloats(const Executor& executor, const Program& program,
                     std::span<const Shape> shapes, std::span<const FloatStep> steps) {
  FloatTrace trace;
  auto run = executor.Prepare(program, shapes);
  if (!run.ok()) {
    trace.error = std::string(run.status().message());
    return trace;
  }
  const size_t buffers = Buffers(program).size();
  for (FloatStep step : steps) {
    absl::Status status = (*run)->Step(BindingsOf(step));
    if (!status.ok()) trace.error = std::string(status.message());
    const bool aliased = step.aliased_input >= 0;
    for (const std::vector<float>& array :
         aliased ? step.inputs[step.aliased_input] : step.outputs[0]) {
      trace.pieces.emplace_back(array.begin(), array.end());
    }
    for (size_t i = 0; i < program.states.size(); ++i) {
      const size_t count = program.states[i].axes.Has(Axis::kP) ? shapes.size() : 1;
      for (size_t p = 0; p < count; ++p) {
        trace.pieces.push_back(
            InFloat((*run)->ReadState(static_cast<int>(i), static_cast<int>(p))));
      }
    }
    for (size_t i = 0; i < buffers; ++i) {
      trace.pieces.push_back(InFloat((*run)->ReadBuffer(static_cast<int>(i))));
    }
  }
  return trace;
}

std::vector<FloatStep> RandomSteps(const Program& program, std::span<const Shape> shapes, bool wild,
                                   RandomStream& random) {
  const Signature& signature = *program.signature;
  const bool layer = !signature.axes.Has(Axis::kP);
  std::vector<FloatStep> steps;
  for (int i = 0; i < kSteps; ++i) {
    FloatStep& step = steps.emplace_back();
    step.inputs = RandomArrays(signature.inputs, shapes, wild, random);
    step.outputs = RandomArrays(signature.outputs, shapes, false, random);
    if (!layer) {
      step.inputs[2][0][0] = 0.1f;
      step.inputs[3][0][0] = static_cast<float>(i + 1);
      step.inputs[4][0][0] = 100;
      if (random.Chance(0.3)) step.active = {static_cast<int>(random.Below(shapes.size()))};
    }
    step.subtract = random.Chance(0.3);
    step.training = i + 1 < kSteps;
    if (random.Chance(0.5)) step.aliased_input = layer ? 0 : static_cast<int>(random.Below(2));
  }
  return steps;
}

std::vector<FloatStep> Nudged(std::vector<FloatStep> steps, RandomStream& random) {
  for (FloatStep& step : steps) {
    for (auto& of_input : step.inputs) {
      for (std::vector<float>& array : of_input) {
        for (float& x : array) x = std::nextafter(x, random.Chance(0.5) ? kInfinity : -kInfinity);
      }
    }
  }
  return steps;
}

}  // namespace lathe::testing
