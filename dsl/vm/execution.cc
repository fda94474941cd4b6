#include "dsl/vm/execution.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "dsl/bindings.h"

namespace lathe::vm {
namespace {

double Load(const ArrayRef& array, size_t i) {
  if (array.element == ArrayRef::Element::kFloat64)
    return static_cast<const double*>(array.data)[i];
  return static_cast<const float*>(array.data)[i];
}

absl::Status WrongCount(const char* what, int index, size_t wanted, size_t given) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", index, " has ", wanted, " elements there, not ", given));
}

}  // namespace

VmExecution::VmExecution(const Program& program, std::span<const Shape> shapes,
                         const Kernels& kernels)
    : program_(program),
      kernels_(kernels),
      bound_(BoundInputs(program)),
      buffers_(Buffers(program)),
      everyone_(shapes.size()) {
  std::iota(everyone_.begin(), everyone_.end(), 0);
  memory_.shapes.assign(shapes.begin(), shapes.end());
  for (const SignatureInput& input : program_.signature->inputs) {
    memory_.input_numbers.push_back(IsNumberType(input.axes) ? Numbers(input.axes, shapes)
                                                             : Numbers());
    memory_.input_arrays.emplace_back(input.axes.Has(Axis::kP) ? shapes.size() : 1);
    if (input.source == InputSource::kCaller) continue;
    for (size_t p = 0; p < shapes.size(); ++p) {
      const bool rows = input.source == InputSource::kRows;
      memory_.input_numbers.back().Set(p,
                                       static_cast<double>(rows ? shapes[p].rows : shapes[p].cols));
    }
  }
  for (const SignatureOutput& output : program_.signature->outputs) {
    memory_.output_arrays.emplace_back(output.axes.Has(Axis::kP) ? shapes.size() : 1);
  }
  for (const State& state : program_.states) {
    const bool number = IsNumberType(state.axes);
    memory_.state_numbers.push_back(number ? Numbers(state.axes, shapes) : Numbers());
    memory_.state_tensors.push_back(number ? Tensor() : Tensor(state.axes, shapes));
  }
  input_copies_.resize(memory_.input_arrays.size());
  output_copies_.resize(memory_.output_arrays.size());
  for (const Buffer& buffer : buffers_) memory_.buffers.emplace_back(buffer.axes, shapes);
  Reset();
}

void VmExecution::Reset() {
  started_.assign(program_.states.size(), std::vector<bool>(memory_.shapes.size(), false));
  all_started_ = false;
  for (size_t i = 0; i < program_.states.size(); ++i) {
    const State& state = program_.states[i];
    memory_.state_numbers[i].Fill(state.start);
    if (IsNumberType(state.axes)) continue;
    for (size_t p = 0; p < (state.axes.Has(Axis::kP) ? memory_.shapes.size() : 1); ++p) {
      std::ranges::fill(memory_.state_tensors[i].At(p), static_cast<float>(state.start));
    }
  }
  for (size_t i = 0; i < buffers_.size(); ++i) memory_.buffers[i].Fill(buffers_[i].start);
}

void VmExecution::Bind(const StepBindings& bindings) {
  memory_.active = bindings.active.empty() ? everyone_ : bindings.active;
  memory_.subtract_outputs = bindings.subtract_outputs;
  bool moved = false;
  const auto place = [&moved](auto*& at, float* array) {
    moved |= at != array;
    at = array;
  };
  for (size_t i = 0; i < bound_.size(); ++i) {
    if (!bound_[i]) continue;
    const AxisSet axes = program_.signature->inputs[i].axes;
    const std::vector<ArrayRef>& arrays = bindings.inputs[i];
    if (!IsNumberType(axes)) {
      for (size_t p = 0; p < arrays.size(); ++p) {
        place(memory_.input_arrays[i][p], AsFloats(arrays[p], axes, p, input_copies_[i]));
      }
      continue;
    }
    Numbers& numbers = memory_.input_numbers[i];
    for (size_t k = 0; k < numbers.Size(); ++k) {
      const bool per_parameter = axes.Has(Axis::kP);
      const ArrayRef& array = arrays[per_parameter ? k : 0];
      if (array.data != nullptr) numbers.Set(k, Load(array, per_parameter ? 0 : k));
    }
  }
  for (size_t i = 0; i < memory_.output_arrays.size(); ++i) {
    const AxisSet axes = program_.signature->outputs[i].axes;
    for (size_t p = 0; p < bindings.outputs[i].size(); ++p) {
      place(memory_.output_arrays[i][p],
            AsFloats(bindings.outputs[i][p], axes, p, output_copies_[i]));
    }
  }
  if (moved) ++memory_.arrays_version;
}

// The array itself, or a copy of one of doubles.
float* VmExecution::AsFloats(const ArrayRef& array, AxisSet axes, size_t p, Tensor& copies) {
  if (array.data == nullptr || array.element == ArrayRef::Element::kFloat32) {
    return static_cast<float*>(array.data);
  }
  if (copies.Empty()) copies = Tensor(axes, memory_.shapes);
  std::span<float> copy = copies.At(static_cast<int>(p));
  std::copy_n(static_cast<const double*>(array.data), copy.size(), copy.begin());
  return copy.data();
}

void VmExecution::CopyOutputs(const StepBindings& bindings) {
  for (size_t i = 0; i < bindings.outputs.size(); ++i) {
    if (output_copies_[i].Empty()) continue;
    for (int p : memory_.PositionsOf(output_copies_[i].Type())) {
      const ArrayRef& array = bindings.outputs[i][p];
      if (array.element == ArrayRef::Element::kFloat32) continue;
      std::ranges::copy(output_copies_[i].At(p), static_cast<double*>(array.data));
    }
  }
}

void VmExecution::StartStates() {
  if (all_started_) return;
  all_started_ = true;
  const auto& start = memory_.input_arrays[program_.signature->start_input];
  for (size_t i = 0; i < program_.states.size(); ++i) {
    if (!program_.states[i].start_from_input) continue;
    for (int p : memory_.active) {
      if (started_[i][p]) continue;
      started_[i][p] = true;
      std::span<float> to = memory_.state_tensors[i].At(p);
      std::copy_n(start[p], to.size(), to.begin());
    }
    if (std::ranges::count(started_[i], false) > 0) all_started_ = false;
  }
}

Plan& VmExecution::PlanFor(bool training) {
  std::unique_ptr<Plan>& plan = plans_[training || buffers_.empty()];
  if (!plan) {
    plan = std::make_unique<Plan>(program_, training || buffers_.empty(), kernels_, memory_.shapes);
  }
  return *plan;
}

absl::Status VmExecution::Step(const StepBindings& bindings) {
  absl::Status status = CheckBindings(program_, bound_, memory_.shapes.size(), bindings);
  if (!status.ok()) return status;
  Bind(bindings);
  StartStates();
  PlanFor(bindings.training).Run(memory_);
  CopyOutputs(bindings);
  return absl::OkStatus();
}

std::vector<double> VmExecution::ReadState(int state, int parameter) const {
  if (IsNumberType(program_.states[state].axes)) {
    return {*memory_.state_numbers[state].At(parameter)};
  }
  std::span<const float> values = memory_.state_tensors[state].At(parameter);
  return {values.begin(), values.end()};
}

absl::Status VmExecution::WriteState(int state, int parameter, std::span<const double> values) {
  if (IsNumberType(program_.states[state].axes)) {
    if (values.size() != 1) return WrongCount("state", state, 1, values.size());
    memory_.state_numbers[state].Set(program_.states[state].axes.Has(Axis::kP) ? parameter : 0,
                                     values[0]);
  } else {
    std::span<float> to = memory_.state_tensors[state].At(parameter);
    if (values.size() != to.size()) return WrongCount("state", state, to.size(), values.size());
    std::ranges::transform(values, to.begin(), [](double x) { return static_cast<float>(x); });
  }
  started_[state][parameter] = true;
  return absl::OkStatus();
}

std::vector<double> VmExecution::ReadBuffer(int buffer) const {
  const Numbers& numbers = memory_.buffers[buffer];
  return {numbers.At(0), numbers.At(0) + numbers.Size()};
}

absl::Status VmExecution::WriteBuffer(int buffer, std::span<const double> values) {
  Numbers& numbers = memory_.buffers[buffer];
  if (values.size() != numbers.Size()) {
    return WrongCount("buffer", buffer, numbers.Size(), values.size());
  }
  for (size_t i = 0; i < values.size(); ++i) numbers.Set(i, values[i]);
  return absl::OkStatus();
}

}  // namespace lathe::vm
