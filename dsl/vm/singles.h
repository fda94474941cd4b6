// What is no loop over the elements of tensors: arithmetic on numbers, reductions of numbers,
// products of matrices.
#ifndef LATHE_DSL_VM_SINGLES_H_
#define LATHE_DSL_VM_SINGLES_H_

#include <vector>

#include "dsl/reference/lanes.h"
#include "dsl/vm/kernels.h"
#include "dsl/vm/memory.h"

namespace lathe::vm {

// One node that is no part of a nest. Its storage in NodeMemory exists.
class Single {
 public:
  Single(const Program& program, const Lowered& lowered, int node, const Kernels& kernels,
         std::span<const Shape> shapes);

  void Run(Memory& memory, NodeMemory& nodes);

 private:
  // An operand of an elementwise node on numbers: by element of the result the place in it; empty
  // if it has one number for all, or one for each.
  struct NumberOperand {
    bool one_for_all = false;
    std::vector<int> places;
  };

  void RunNumber(Memory& memory, NodeMemory& nodes);
  void RunReduceNumbers(Memory& memory, NodeMemory& nodes);
  void RunEinsum(Memory& memory, NodeMemory& nodes);
  void NumbersFromEinsum(const Values& values, NodeMemory& nodes, int p);
  void MatrixFromEinsum(const Values& values, NodeMemory& nodes, int p);
  void RunTranspose(Memory& memory, NodeMemory& nodes);
  const std::vector<int>& Positions(const Memory& memory) const;
  // The elements of an operand for one parameter, as floats or as doubles.
  template <typename T>
  void CopyOperand(const Values& values, int k, int p, std::vector<T>& to) const;

  const Lowered& lowered_;
  const int index_;
  const Node& node_;
  const Kernels& kernels_;
  std::vector<Shape> shapes_;
  std::array<AxisSet, kMaxOperands> types_;
  std::array<NumberOperand, kMaxArity> operands_;
  bool fixed_ = false;  // of constants alone, and computed
  std::array<std::vector<double>, kMaxArity> numbers_;
  std::array<std::vector<float>, 2> floats_;
  std::vector<float> left_, right_, product_;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_SINGLES_H_
