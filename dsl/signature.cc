#include "dsl/signature.h"

#include <array>

namespace lathe {
namespace {

constexpr std::array<SignatureInput, 7> kOptimizerInputs = {{
    {"w", kModelAxes, InputSource::kCaller, true},
    {"g", kModelAxes, InputSource::kCaller, true},
    {"lr", {}, InputSource::kCaller, true},
    {"t", {}, InputSource::kCaller, false},
    {"total_steps", {}, InputSource::kCaller, false},
    {"rows", {Axis::kP}, InputSource::kRows, false},
    {"cols", {Axis::kP}, InputSource::kCols, false},
}};
constexpr std::array<SignatureOutput, 1> kOptimizerOutputs = {{{"update", kModelAxes}}};

constexpr AxisSet kLayerAxes = {Axis::kB, Axis::kG, Axis::kK, Axis::kH, Axis::kW};
constexpr AxisSet kChannelAxes = {Axis::kG, Axis::kK};
constexpr std::array<SignatureInput, 5> kLayerInputs = {{
    {"x", kLayerAxes, InputSource::kCaller, true},
    {"gamma", kChannelAxes, InputSource::kCaller, true},
    {"beta", kChannelAxes, InputSource::kCaller, true},
    {"v0", kChannelAxes, InputSource::kCaller, true},
    {"v1", kChannelAxes, InputSource::kCaller, true},
}};
constexpr std::array<SignatureOutput, 1> kLayerOutputs = {{{"y", kLayerAxes}}};

const std::array<Signature, 2> kSignatures = {{
    {"optimizer", kOptimizerInputs, kOptimizerOutputs, kModelAxes.With(kParameterAxes),
     /*has_states=*/true, /*start_input=*/0, /*required_input=*/1},
    {"layer", kLayerInputs, kLayerOutputs, kLayerAxes,
     /*has_states=*/false, /*start_input=*/0, /*required_input=*/0},
}};

template <typename Rows>
std::optional<int> IndexByName(const Rows& rows, std::string_view name) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> Signature::InputByName(std::string_view wanted) const {
  return IndexByName(inputs, wanted);
}

std::optional<int> Signature::OutputByName(std::string_view wanted) const {
  return IndexByName(outputs, wanted);
}

std::span<const Signature> AllSignatures() {
  return kSignatures;
}

const Signature* SignatureByName(std::string_view name) {
  std::optional<int> index = IndexByName(kSignatures, name);
  return index ? &kSignatures[*index] : nullptr;
}

const Signature& OptimizerSignature() {
  return kSignatures[0];
}

const Signature& LayerSignature() {
  return kSignatures[1];
}

}  // namespace lathe
