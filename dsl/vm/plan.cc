#include "dsl/vm/plan.h"

#include <algorithm>

#include "dsl/buffers.h"

namespace lathe::vm {

Plan::Plan(const Program& program, bool training, const Kernels& kernels,
           std::span<const Shape> shapes)
    : program_(program),
      lowered_(Lower(program_, training)),
      schedule_(MakeSchedule(program_, lowered_)) {
  MakeStorage(shapes);
  for (const Level& level : schedule_.levels) {
    RunLevel& run = levels_.emplace_back();
    for (int node : level.singles) {
      run.singles.push_back(MakeSingle(program_, lowered_, node, kernels, shapes));
    }
    for (const Nest& nest : level.nests) {
      run.nests.push_back(
          std::make_unique<NestRun>(program_, lowered_, schedule_, nest, kernels, shapes));
    }
  }
}

void Plan::MakeStorage(std::span<const Shape> shapes) {
  for (size_t i = 0; i < lowered_.nodes.size(); ++i) {
    const Node& node = lowered_.nodes[i];
    const bool number = IsNumberType(node.type);
    const bool in_registers = node.kind == Node::Kind::kTensor && !schedule_.stored[i];
    nodes_.numbers.push_back(number ? Numbers(node.type, shapes) : Numbers());
    nodes_.tensors.push_back(number || in_registers ? Tensor() : Tensor(node.type, shapes));
  }
  for (const State& state : program_.states) {
    const bool number = IsNumberType(state.axes);
    next_numbers_.push_back(number ? Numbers(state.axes, shapes) : Numbers());
  }
}

void Plan::Run(Memory& memory) {
  for (RunLevel& level : levels_) {
    for (const auto& single : level.singles) single->Run(memory, nodes_);
    for (const auto& nest : level.nests) nest->Run(memory, nodes_);
  }
  MoveBuffers(memory);
  FinishTensors(memory);
  MoveNumberStates(memory);
}

double Plan::NumberAt(const Memory& memory, const Ref& ref, int p, size_t i) {
  if (ref.kind == Ref::Kind::kConstant) return ref.constant;
  const Numbers& numbers = Values(const_cast<Memory&>(memory), nodes_).NumbersOf(ref);
  return numbers.At(p)[numbers.Size() == 1 ? 0 : i];
}

void Plan::MoveBuffers(Memory& memory) {
  for (size_t k = 0; k < lowered_.moments.size(); ++k) {
    Numbers& buffer = memory.buffers[k];
    for (size_t i = 0; i < buffer.Size(); ++i) {
      const double moment = NumberAt(memory, lowered_.moments[k], 0, i);
      buffer.Set(i, (1 - kBufferMomentum) * buffer[i] + kBufferMomentum * moment);
    }
  }
}

// What could not be written while other things were still to be read.
void Plan::FinishTensors(Memory& memory) {
  for (int output : schedule_.late_outputs) {
    const Tensor& value = nodes_.tensors[lowered_.outputs[output].index];
    for (int p : memory.PositionsOf(value.Type())) {
      std::span<const float> from = value.At(p);
      float* to = memory.output_arrays[output][p];
      for (size_t i = 0; i < from.size(); ++i) {
        to[i] = memory.subtract_outputs ? to[i] - from[i] : from[i];
      }
    }
  }
  for (int state : schedule_.late_states) {
    const Tensor& value = nodes_.tensors[lowered_.next[state].index];
    for (int p : memory.active) {
      std::ranges::copy(value.At(p), memory.state_tensors[state].At(p).begin());
    }
  }
}

// All at once: one may be the next value of another.
void Plan::MoveNumberStates(Memory& memory) {
  for (int pass = 0; pass < 2; ++pass) {
    for (size_t k = 0; k < program_.states.size(); ++k) {
      const AxisSet type = program_.states[k].axes;
      if (!IsNumberType(type)) continue;
      for (int p : memory.PositionsOf(type)) {
        if (pass == 0) {
          next_numbers_[k].Set(p, NumberAt(memory, lowered_.next[k], p, 0));
        } else {
          memory.state_numbers[k].Set(p, next_numbers_[k][p]);
        }
      }
    }
  }
}

}  // namespace lathe::vm
