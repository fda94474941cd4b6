#include "dsl/reference/execution.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "dsl/bindings.h"

namespace lathe::reference {
namespace {

double Load(const ArrayRef& array, size_t i) {
  if (array.element == ArrayRef::Element::kFloat64)
    return static_cast<const double*>(array.data)[i];
  return static_cast<const float*>(array.data)[i];
}

void Store(const ArrayRef& array, size_t i, double value) {
  if (array.element == ArrayRef::Element::kFloat64) {
    static_cast<double*>(array.data)[i] = value;
  } else {
    static_cast<float*>(array.data)[i] = static_cast<float>(value);
  }
}

std::vector<double> Copied(std::span<const double> values) {
  return std::vector<double>(values.begin(), values.end());
}

absl::Status Overwrite(std::span<double> place, std::span<const double> values,
                       const std::string& what) {
  if (values.size() != place.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", place.size(), " elements there, not ", values.size()));
  }
  std::copy(values.begin(), values.end(), place.begin());
  return absl::OkStatus();
}

}  // namespace

ReferenceExecution::ReferenceExecution(const Program& program, std::span<const Shape> shapes,
                                       Rounding rounding, uint64_t seed)
    : program_(program),
      shapes_(shapes.begin(), shapes.end()),
      rounding_(rounding),
      nudging_(seed),
      bound_(BoundInputs(program)),
      buffers_(Buffers(program)) {
  const Signature& signature = *program_.signature;
  everyone_.resize(shapes_.size());
  std::iota(everyone_.begin(), everyone_.end(), 0);
  for (const SignatureInput& input : signature.inputs) inputs_.emplace_back(input.axes, shapes_);
  for (AxisSet type : InstructionTypes(program_)) results_.emplace_back(type, shapes_);
  for (const SignatureOutput& output : signature.outputs)
    outputs_.emplace_back(output.axes, shapes_);
  for (const State& state : program_.states) states_.emplace_back(state.axes, shapes_);
  for (const Buffer& buffer : buffers_) buffer_values_.emplace_back(buffer.axes, shapes_);
  next_states_ = states_;
  FillExtents();
  Reset();
}

void ReferenceExecution::FillExtents() {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    InputSource source = program_.signature->inputs[i].source;
    if (source == InputSource::kCaller) continue;
    for (int p : everyone_) {
      const Shape& shape = shapes_[p];
      inputs_[i].At(p)[0] =
          static_cast<double>(source == InputSource::kRows ? shape.rows : shape.cols);
    }
  }
}

void ReferenceExecution::Reset() {
  started_.assign(states_.size(), std::vector<bool>(shapes_.size(), false));
  for (size_t i = 0; i < states_.size(); ++i) states_[i].Fill(program_.states[i].start);
  for (size_t i = 0; i < buffers_.size(); ++i) buffer_values_[i].Fill(buffers_[i].start);
}

absl::Status ReferenceExecution::Step(const StepBindings& bindings) {
  absl::Status status = CheckBindings(program_, bound_, shapes_.size(), bindings);
  if (!status.ok()) return status;
  const Parameters& active = bindings.active.empty() ? everyone_ : bindings.active;
  LoadInputs(bindings, active);
  StartStates(active);
  for (size_t i = 0; i < program_.instructions.size(); ++i) Run(i, active, bindings.training);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    StoreOutput(i, bindings.outputs[i], active, bindings.subtract_outputs);
  }
  // All states move at once: one may be the next value of another.
  for (size_t i = 0; i < states_.size(); ++i) {
    Broadcast(program_.states[i].next, next_states_[i], active);
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    for (int p : PositionsOf(states_[i].Type(), active)) {
      std::ranges::copy(next_states_[i].At(p), states_[i].At(p).begin());
    }
  }
  return absl::OkStatus();
}

std::vector<double> ReferenceExecution::ReadState(int state, int parameter) const {
  return Copied(states_[state].At(parameter));
}

absl::Status ReferenceExecution::WriteState(int state, int parameter,
                                            std::span<const double> values) {
  absl::Status status =
      Overwrite(states_[state].At(parameter), values, absl::StrCat("state ", state));
  if (status.ok()) started_[state][parameter] = true;
  return status;
}

std::vector<double> ReferenceExecution::ReadBuffer(int buffer) const {
  return Copied(buffer_values_[buffer].At(0));
}

absl::Status ReferenceExecution::WriteBuffer(int buffer, std::span<const double> values) {
  return Overwrite(buffer_values_[buffer].At(0), values, absl::StrCat("buffer ", buffer));
}

void ReferenceExecution::LoadInputs(const StepBindings& bindings, const Parameters& active) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!bound_[i]) continue;
    for (int p : PositionsOf(inputs_[i].Type(), active)) {
      std::span<double> values = inputs_[i].At(p);
      for (size_t k = 0; k < values.size(); ++k) values[k] = Load(bindings.inputs[i][p], k);
    }
  }
}

void ReferenceExecution::StartStates(const Parameters& active) {
  const Value& start = inputs_[program_.signature->start_input];
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!program_.states[i].start_from_input) continue;
    for (int p : active) {
      if (started_[i][p]) continue;
      started_[i][p] = true;
      std::ranges::copy(start.At(p), states_[i].At(p).begin());
    }
  }
}

const ReferenceExecution::Parameters& ReferenceExecution::PositionsOf(
    AxisSet type, const Parameters& active) const {
  return type.Has(Axis::kP) ? active : first_;
}

AxisSet ReferenceExecution::TypeOf(const Operand& operand) const {
  switch (operand.kind) {
    case Operand::Kind::kConstant:
    case Operand::Kind::kHyper: return {};
    case Operand::Kind::kInput: return inputs_[operand.index].Type();
    case Operand::Kind::kState: return states_[operand.index].Type();
    case Operand::Kind::kInstruction: return results_[operand.index].Type();
  }
  return {};
}

std::span<const double> ReferenceExecution::DataOf(const Operand& operand, int parameter) const {
  switch (operand.kind) {
    case Operand::Kind::kConstant: return {&operand.constant, 1};
    case Operand::Kind::kHyper: return {&program_.hypers[operand.index].value, 1};
    case Operand::Kind::kInput: return inputs_[operand.index].At(parameter);
    case Operand::Kind::kState: return states_[operand.index].At(parameter);
    case Operand::Kind::kInstruction: return results_[operand.index].At(parameter);
  }
  return {};
}

void ReferenceExecution::Broadcast(const Operand& value, Value& out, const Parameters& active) {
  for (int p : PositionsOf(out.Type(), active)) {
    const Lane lane = LaneOf(value, out.Type(), p, scratch_[0]);
    std::span<double> to = out.At(p);
    for (size_t i = 0; i < to.size(); ++i) to[i] = lane.data[i * lane.stride];
  }
}

void ReferenceExecution::StoreOutput(size_t index, const std::vector<ArrayRef>& arrays,
                                     const Parameters& active, bool subtract) {
  Value& value = outputs_[index];
  Broadcast(program_.outputs[index], value, active);
  for (int p : PositionsOf(value.Type(), active)) {
    std::span<const double> from = value.At(p);
    for (size_t i = 0; i < from.size(); ++i) {
      Store(arrays[p], i, subtract ? Load(arrays[p], i) - from[i] : from[i]);
    }
  }
}

}  // namespace lathe::reference
