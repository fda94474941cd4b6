#include "dsl/reference/execution.h"

#include <numeric>

#include "absl/strings/str_cat.h"

namespace lathe::reference {
namespace {

double Load(const ArrayRef& array, int64_t i) {
  if (array.element == ArrayRef::Element::kFloat64)
    return static_cast<const double*>(array.data)[i];
  return static_cast<const float*>(array.data)[i];
}

void Store(const ArrayRef& array, int64_t i, double value) {
  if (array.element == ArrayRef::Element::kFloat64) {
    static_cast<double*>(array.data)[i] = value;
  } else {
    static_cast<float*>(array.data)[i] = static_cast<float>(value);
  }
}

// What an operand of a kind that no backend knows would be; never read.
constexpr double kNothing = 0;

}  // namespace

ReferenceExecution::ReferenceExecution(const Program& program, std::span<const Shape> shapes)
    : program_(program), shapes_(shapes.begin(), shapes.end()), scalar_({}, shapes_) {
  const Signature& signature = *program_.signature;
  everyone_.resize(shapes_.size());
  std::iota(everyone_.begin(), everyone_.end(), 0);
  input_used_.assign(signature.inputs.size(), false);
  ForEachOperand(program_, [this](const Operand& operand) {
    if (operand.kind == Operand::Kind::kInput) input_used_[operand.index] = true;
  });
  for (const State& state : program_.states) {
    if (state.start_from_input) input_used_[signature.start_input] = true;
  }
  for (const SignatureInput& input : signature.inputs) inputs_.emplace_back(input.axes, shapes_);
  for (AxisSet type : InstructionTypes(program_)) results_.emplace_back(type, shapes_);
  for (const SignatureOutput& output : signature.outputs)
    outputs_.emplace_back(output.axes, shapes_);
  for (const State& state : program_.states) states_.emplace_back(state.axes, shapes_);
  next_states_ = states_;
  FillExtents();
  Reset();
}

void ReferenceExecution::FillExtents() {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    InputSource source = program_.signature->inputs[i].source;
    if (source == InputSource::kCaller) continue;
    for (size_t p = 0; p < shapes_.size(); ++p) {
      *inputs_[i].At(p) = source == InputSource::kRows ? shapes_[p].rows : shapes_[p].cols;
    }
  }
}

void ReferenceExecution::Reset() {
  started_.assign(states_.size(), std::vector<bool>(shapes_.size(), false));
  for (size_t i = 0; i < states_.size(); ++i) {
    std::fill(states_[i].data.begin(), states_[i].data.end(), program_.states[i].start);
  }
}

absl::Status ReferenceExecution::Step(const StepBindings& bindings) {
  absl::Status status = CheckBindings(bindings);
  if (!status.ok()) return status;
  const Parameters& active = ActiveOf(bindings);
  LoadInputs(bindings, active);
  StartStates(active);
  for (size_t i = 0; i < program_.instructions.size(); ++i) {
    const Instruction& instruction = program_.instructions[i];
    if (Info(instruction.op).rule == TypeRule::elementwise) {
      RunElementwise(instruction, results_[i], active);
    } else {
      RunReduction(instruction, results_[i], active);
    }
  }
  for (size_t i = 0; i < outputs_.size(); ++i) StoreOutput(i, bindings.outputs[i], active);
  // All states move at once: one may be the next value of another.
  for (size_t i = 0; i < states_.size(); ++i) {
    Broadcast(program_.states[i].next, next_states_[i], active);
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    for (int p : active) CopyParameter(next_states_[i], states_[i], p, shapes_[p]);
  }
  return absl::OkStatus();
}

std::vector<double> ReferenceExecution::ReadState(int state, int parameter) const {
  const Value& value = states_[state];
  const double* from = value.At(parameter);
  return std::vector<double>(from, from + value.layout.Size(shapes_[parameter]));
}

absl::Status ReferenceExecution::WriteState(int state, int parameter,
                                            std::span<const double> values) {
  Value& value = states_[state];
  size_t size = value.layout.Size(shapes_[parameter]);
  if (values.size() != size) {
    return absl::InvalidArgumentError(
        absl::StrCat("state ", state, " has ", size, " elements there, not ", values.size()));
  }
  std::copy(values.begin(), values.end(), value.At(parameter));
  started_[state][parameter] = true;
  return absl::OkStatus();
}

const ReferenceExecution::Parameters& ReferenceExecution::ActiveOf(
    const StepBindings& bindings) const {
  return bindings.active.empty() ? everyone_ : bindings.active;
}

bool ReferenceExecution::NeedsBinding(size_t input) const {
  return input_used_[input] && program_.signature->inputs[input].source == InputSource::kCaller;
}

absl::Status ReferenceExecution::CheckArrays(const std::vector<std::vector<ArrayRef>>& arrays,
                                             size_t index, AxisSet axes, std::string_view name,
                                             const Parameters& active) const {
  size_t wanted = axes.Has(Axis::kP) ? shapes_.size() : 1;
  size_t given = index < arrays.size() ? arrays[index].size() : 0;
  if (given != wanted) {
    return absl::InvalidArgumentError(absl::StrCat("\"", std::string(name), "\" needs ", wanted,
                                                   " arrays, ", given, " are bound"));
  }
  for (int p : axes.Has(Axis::kP) ? active : Parameters{0}) {
    if (arrays[index][p].data != nullptr) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(name), "\" has no array for parameter ", p));
  }
  return absl::OkStatus();
}

absl::Status ReferenceExecution::CheckActive(const Parameters& active) const {
  for (size_t i = 0; i < active.size(); ++i) {
    bool ascending = i == 0 || active[i] > active[i - 1];
    if (active[i] >= 0 && active[i] < static_cast<int>(shapes_.size()) && ascending) continue;
    return absl::InvalidArgumentError(absl::StrCat("active parameters must be ascending and below ",
                                                   shapes_.size(), "; found ", active[i]));
  }
  return absl::OkStatus();
}

absl::Status ReferenceExecution::CheckBindings(const StepBindings& bindings) const {
  const Signature& signature = *program_.signature;
  const Parameters& active = ActiveOf(bindings);
  absl::Status status = CheckActive(active);
  for (size_t i = 0; i < inputs_.size() && status.ok(); ++i) {
    if (!NeedsBinding(i)) continue;
    const SignatureInput& input = signature.inputs[i];
    status = CheckArrays(bindings.inputs, i, input.axes, input.name, active);
  }
  for (size_t i = 0; i < outputs_.size() && status.ok(); ++i) {
    const SignatureOutput& output = signature.outputs[i];
    status = CheckArrays(bindings.outputs, i, output.axes, output.name, active);
  }
  return status;
}

void ReferenceExecution::LoadInputs(const StepBindings& bindings, const Parameters& active) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!NeedsBinding(i)) continue;
    Value& value = inputs_[i];
    if (!value.layout.Type().Has(Axis::kP)) {
      value.data[0] = Load(bindings.inputs[i][0], 0);
      continue;
    }
    for (int p : active) {
      int64_t size = value.layout.Size(shapes_[p]);
      for (int64_t k = 0; k < size; ++k) value.At(p)[k] = Load(bindings.inputs[i][p], k);
    }
  }
}

void ReferenceExecution::StartStates(const Parameters& active) {
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!program_.states[i].start_from_input) continue;
    for (int p : active) {
      if (started_[i][p]) continue;
      started_[i][p] = true;
      CopyParameter(inputs_[program_.signature->start_input], states_[i], p, shapes_[p]);
    }
  }
}

const Layout& ReferenceExecution::LayoutOf(const Operand& operand) const {
  switch (operand.kind) {
    case Operand::Kind::kConstant:
    case Operand::Kind::kHyper: return scalar_;
    case Operand::Kind::kInput: return inputs_[operand.index].layout;
    case Operand::Kind::kState: return states_[operand.index].layout;
    case Operand::Kind::kInstruction: return results_[operand.index].layout;
  }
  return scalar_;
}

const double* ReferenceExecution::DataOf(const Operand& operand, int parameter) const {
  switch (operand.kind) {
    case Operand::Kind::kConstant: return &operand.constant;
    case Operand::Kind::kHyper: return &program_.hypers[operand.index].value;
    case Operand::Kind::kInput: return inputs_[operand.index].At(parameter);
    case Operand::Kind::kState: return states_[operand.index].At(parameter);
    case Operand::Kind::kInstruction: return results_[operand.index].At(parameter);
  }
  return &kNothing;
}

Lane ReferenceExecution::LaneOf(const Operand& operand, int parameter, int64_t row) const {
  const Layout& layout = LayoutOf(operand);
  return {DataOf(operand, parameter) + row * layout.RowStride(shapes_[parameter]),
          layout.ColStride()};
}

bool ReferenceExecution::IsFlat(const Instruction& instruction, AxisSet out) const {
  for (int i = 0; i < instruction.Arity(); ++i) {
    AxisSet type = LayoutOf(instruction.operands[i]).Type();
    if (!(type == out) && !type.Without(kElementAxes).Contains(type)) return false;
  }
  return out.Contains(kElementAxes);
}

void ReferenceExecution::RunElementwise(const Instruction& instruction, Value& out,
                                        const Parameters& active) {
  const bool per_parameter = out.layout.Type().Has(Axis::kP);
  const bool flat = IsFlat(instruction, out.layout.Type());
  const size_t count = per_parameter ? active.size() : 1;
  for (size_t k = 0; k < count; ++k) {
    int p = per_parameter ? active[k] : 0;
    int64_t rows = flat ? 1 : out.layout.Rows(shapes_[p]);
    int64_t cols = flat ? out.layout.Size(shapes_[p]) : out.layout.Cols(shapes_[p]);
    for (int64_t row = 0; row < rows; ++row) {
      Lanes lanes;
      for (int i = 0; i < instruction.Arity(); ++i) {
        lanes[i] = LaneOf(instruction.operands[i], p, row);
      }
      ApplyElementwise(instruction.op, cols, lanes, out.At(p) + row * cols);
    }
  }
}

void ReferenceExecution::RunReduction(const Instruction& instruction, Value& out,
                                      const Parameters& active) {
  const Operand& operand = instruction.operands[0];
  const Layout& in = LayoutOf(operand);
  const Parameters first = {0};
  const Parameters& parameters = in.Type().Has(Axis::kP) ? active : first;
  // The total is kept in the result; the count tells means how many elements went into each.
  std::vector<double> counts(out.data.size(), 0.0);
  for (int p : parameters) std::fill_n(out.At(p), out.layout.Size(shapes_[p]), kReductionStart);
  for (int p : parameters) {
    const double* data = DataOf(operand, p);
    for (int64_t row = 0; row < in.Rows(shapes_[p]); ++row) {
      for (int64_t col = 0; col < in.Cols(shapes_[p]); ++col) {
        int64_t place = out.layout.Offset(p) + row * out.layout.RowStride(shapes_[p]) +
                        col * out.layout.ColStride();
        out.data[place] = AddToReduction(instruction.op, out.data[place], *data++);
        ++counts[place];
      }
    }
  }
  for (size_t i = 0; i < out.data.size(); ++i) {
    if (counts[i] > 0) out.data[i] = FinishReduction(instruction.op, out.data[i], counts[i]);
  }
}

void ReferenceExecution::Broadcast(const Operand& value, Value& out, const Parameters& active) {
  const bool per_parameter = out.layout.Type().Has(Axis::kP);
  const size_t count = per_parameter ? active.size() : 1;
  for (size_t k = 0; k < count; ++k) {
    int p = per_parameter ? active[k] : 0;
    double* to = out.At(p);
    for (int64_t row = 0; row < out.layout.Rows(shapes_[p]); ++row) {
      Lane lane = LaneOf(value, p, row);
      for (int64_t col = 0; col < out.layout.Cols(shapes_[p]); ++col) {
        *to++ = lane.data[col * lane.stride];
      }
    }
  }
}

void ReferenceExecution::StoreOutput(size_t index, const std::vector<ArrayRef>& arrays,
                                     const Parameters& active) {
  Value& value = outputs_[index];
  Broadcast(program_.outputs[index], value, active);
  const bool per_parameter = value.layout.Type().Has(Axis::kP);
  for (size_t k = 0; k < (per_parameter ? active.size() : 1); ++k) {
    int p = per_parameter ? active[k] : 0;
    const double* from = value.At(p);
    for (int64_t i = 0; i < value.layout.Size(shapes_[p]); ++i) Store(arrays[p], i, from[i]);
  }
}

}  // namespace lathe::reference
