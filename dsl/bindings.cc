#include "dsl/bindings.h"

#include "absl/strings/str_cat.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

absl::Status CheckArrays(const std::vector<std::vector<ArrayRef>>& arrays, size_t index,
                         AxisSet axes, std::string_view name, size_t parameters,
                         const std::vector<int>& active) {
  const size_t wanted = axes.Has(Axis::kP) ? parameters : 1;
  const size_t given = index < arrays.size() ? arrays[index].size() : 0;
  if (given != wanted) {
    return absl::InvalidArgumentError(absl::StrCat("\"", std::string(name), "\" needs ", wanted,
                                                   " arrays, ", given, " are bound"));
  }
  auto missing = [&](size_t p) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(name), "\" has no array for parameter ", p));
  };
  if (active.empty() || !axes.Has(Axis::kP)) {
    for (size_t p = 0; p < wanted; ++p) {
      if (arrays[index][p].data == nullptr) return missing(p);
    }
    return absl::OkStatus();
  }
  for (int p : active) {
    if (arrays[index][p].data == nullptr) return missing(p);
  }
  return absl::OkStatus();
}

absl::Status CheckActive(const std::vector<int>& active, size_t parameters) {
  for (size_t i = 0; i < active.size(); ++i) {
    const bool ascending = i == 0 || active[i] > active[i - 1];
    if (active[i] >= 0 && active[i] < static_cast<int>(parameters) && ascending) continue;
    return absl::InvalidArgumentError(absl::StrCat("active parameters must be ascending and below ",
                                                   parameters, "; found ", active[i]));
  }
  return absl::OkStatus();
}

// In double, which no product of extents overflows.
double ValueBytes(AxisSet type, std::span<const Shape> shapes) {
  double bytes = 0;
  for (const Shape& shape : type.Has(Axis::kP) ? shapes : shapes.first(1)) {
    double elements = sizeof(double);
    ForEachAxis(type, [&](Axis axis) { elements *= static_cast<double>(shape.Extent(axis)); });
    bytes += elements;
  }
  return bytes;
}

absl::Status CheckBytes(const Program& program, std::span<const Shape> shapes) {
  double bytes = 0;
  for (AxisSet type : InstructionTypes(program)) bytes += ValueBytes(type, shapes);
  for (const State& state : program.states) bytes += ValueBytes(state.axes, shapes);
  for (const SignatureInput& input : program.signature->inputs) {
    bytes += ValueBytes(input.axes, shapes);
  }
  for (const SignatureOutput& output : program.signature->outputs) {
    bytes += ValueBytes(output.axes, shapes);
  }
  if (bytes <= static_cast<double>(kMaxValueBytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the values of the program take ", bytes,
                                                 " bytes over these shapes; at most ",
                                                 kMaxValueBytes, " are allowed"));
}

}  // namespace

absl::Status CheckPreparation(const Program& program, std::span<const Shape> shapes) {
  absl::Status status = Verify(program);
  if (!status.ok()) return status;
  if (shapes.empty()) return absl::InvalidArgumentError("a model has at least one parameter");
  const bool layer = !program.signature->axes.Has(Axis::kP);
  if (layer && shapes.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("a layer has one shape, not ", shapes.size()));
  }
  for (const Shape& shape : shapes) {
    std::string text;
    bool positive = true;
    ForEachAxis(layer ? program.signature->axes : AxisSet{Axis::kR, Axis::kC}, [&](Axis axis) {
      absl::StrAppend(&text, text.empty() ? "" : " x ", shape.Extent(axis));
      positive = positive && shape.Extent(axis) > 0;
    });
    if (positive) continue;
    return absl::InvalidArgumentError(absl::StrCat(layer ? "the layer" : "a parameter",
                                                   " has the shape ", text,
                                                   "; all extents must be positive"));
  }
  return CheckBytes(program, shapes);
}

std::vector<bool> BoundInputs(const Program& program) {
  const Signature& signature = *program.signature;
  std::vector<bool> bound(signature.inputs.size(), false);
  ForEachOperand(program, [&](const Operand& operand) {
    if (operand.kind == Operand::Kind::kInput) bound[operand.index] = true;
  });
  for (const State& state : program.states) {
    if (state.start_from_input) bound[signature.start_input] = true;
  }
  for (size_t i = 0; i < bound.size(); ++i) {
    if (signature.inputs[i].source != InputSource::kCaller) bound[i] = false;
  }
  return bound;
}

absl::Status CheckBindings(const Program& program, const std::vector<bool>& bound,
                           size_t parameters, const StepBindings& bindings) {
  const Signature& signature = *program.signature;
  absl::Status status = CheckActive(bindings.active, parameters);
  for (size_t i = 0; i < signature.inputs.size() && status.ok(); ++i) {
    if (!bound[i]) continue;
    const SignatureInput& input = signature.inputs[i];
    status = CheckArrays(bindings.inputs, i, input.axes, input.name, parameters, bindings.active);
  }
  for (size_t i = 0; i < signature.outputs.size() && status.ok(); ++i) {
    const SignatureOutput& output = signature.outputs[i];
    status =
        CheckArrays(bindings.outputs, i, output.axes, output.name, parameters, bindings.active);
  }
  return status;
}

}  // namespace lathe
