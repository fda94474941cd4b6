#include "dsl/signature.h"

#include <array>

namespace lathe {
namespace {

constexpr std::array<SignatureInput, 7> kOptimizerInputs = {{
    {"w", kAllAxes, InputSource::kCaller, true},
    {"g", kAllAxes, InputSource::kCaller, true},
    {"lr", {}, InputSource::kCaller, true},
    {"t", {}, InputSource::kCaller, false},
    {"total_steps", {}, InputSource::kCaller, false},
    {"rows", {Axis::kP}, InputSource::kRows, false},
    {"cols", {Axis::kP}, InputSource::kCols, false},
}};
constexpr std::array<SignatureOutput, 1> kOptimizerOutputs = {{{"update", kAllAxes}}};

const std::array<Signature, 1> kSignatures = {{
    {"optimizer", kOptimizerInputs, kOptimizerOutputs, /*start_input=*/0, /*required_input=*/1},
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

}  // namespace lathe
