// Where the values that a ref stands for lie, in one step.
#ifndef LATHE_DSL_VM_MEMORY_H_
#define LATHE_DSL_VM_MEMORY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dsl/vm/lowering.h"
#include "dsl/vm/storage.h"

namespace lathe::vm {

// What all plans of an execution share.
struct Memory {
  std::vector<Shape> shapes;
  // By input of the signature: numbers, or the caller's arrays.
  std::vector<Numbers> input_numbers;
  std::vector<std::vector<const float*>> input_arrays;
  // By output of the signature and parameter: the caller's arrays.
  std::vector<std::vector<float*>> output_arrays;
  // Goes up when one of these arrays lies elsewhere than in the step before.
  uint64_t arrays_version = 1;
  bool subtract_outputs = false;
  // By state; the one that its type does not ask for stays empty.
  std::vector<Numbers> state_numbers;
  std::vector<Tensor> state_tensors;
  std::vector<Numbers> buffers;
  // Parameters that take part in this step.
  std::vector<int> active;

  // For which parameters a value of this type has elements: the active ones, or 0 without P.
  std::span<const int> PositionsOf(AxisSet type) const {
    static constexpr int kFirst = 0;
    return type.Has(Axis::kP) ? std::span<const int>(active) : std::span(&kFirst, 1);
  }
};

// What a plan computes, by node of its lowered program.
struct NodeMemory {
  std::vector<Numbers> numbers;
  std::vector<Tensor> tensors;
};

class Values {
 public:
  Values(Memory& memory, NodeMemory& nodes) : memory_(memory), nodes_(nodes) {}

  // Of a ref to numbers that is no constant.
  const Numbers& NumbersOf(const Ref& ref) const {
    switch (ref.kind) {
      case Ref::Kind::kInput: return memory_.input_numbers[ref.index];
      case Ref::Kind::kState: return memory_.state_numbers[ref.index];
      case Ref::Kind::kBuffer: return memory_.buffers[ref.index];
      default: return nodes_.numbers[ref.index];
    }
  }
  // Of a ref to a tensor.
  const float* ArrayOf(const Ref& ref, int p) const {
    switch (ref.kind) {
      case Ref::Kind::kInput: {
        const auto& arrays = memory_.input_arrays[ref.index];
        return arrays[arrays.size() == 1 ? 0 : p];
      }
      case Ref::Kind::kState: return memory_.state_tensors[ref.index].At(p).data();
      default: return nodes_.tensors[ref.index].At(p).data();
    }
  }

 private:
  Memory& memory_;
  NodeMemory& nodes_;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_MEMORY_H_
