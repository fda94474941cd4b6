// What is no loop over the elements of tensors: arithmetic on numbers, reductions of numbers,
// products and transposes of matrices.
#ifndef LATHE_DSL_VM_SINGLES_H_
#define LATHE_DSL_VM_SINGLES_H_

#include <memory>

#include "dsl/vm/kernels.h"
#include "dsl/vm/memory.h"

namespace lathe::vm {

// One node that is no part of a nest.
class Single {
 public:
  virtual ~Single() = default;
  // The node's storage in `nodes` exists. Allocates in its first run at most.
  virtual void Run(Memory& memory, NodeMemory& nodes) = 0;
};

// All that is given outlives the result.
std::unique_ptr<Single> MakeSingle(const Program& program, const Lowered& lowered, int node,
                                   const Kernels& kernels, std::span<const Shape> shapes);

// Its parts: in singles.cc, in matrices.cc.
std::unique_ptr<Single> MakeEinsum(const Program& program, const Lowered& lowered, int node,
                                   const Kernels& kernels, std::span<const Shape> shapes);
std::unique_ptr<Single> MakeTranspose(const Program& program, const Lowered& lowered, int node,
                                      std::span<const Shape> shapes);

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_SINGLES_H_
