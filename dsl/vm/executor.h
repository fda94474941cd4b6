// The fast backend: bytecode over blocks of floats.
//
// Tensors are floats; numbers (values without an element axis) are doubles. A step is a few passes
// over memory, cut where a reduction has to be complete; within a pass each block of elements goes
// through all instructions while it is in the L1 cache. The same bits on every machine.
#ifndef LATHE_DSL_VM_EXECUTOR_H_
#define LATHE_DSL_VM_EXECUTOR_H_

#include <memory>

#include "dsl/executor.h"
#include "dsl/vm/kernels.h"

namespace lathe {

// With the fastest kernels that the machine has. Arrays of doubles are copied. Programs should
// be canonical: where a multiplication and an addition are fused depends on what reads what.
const Executor& VmExecutor();

// With given kernels, of AvailableKernels().
std::unique_ptr<Executor> MakeVmExecutor(const vm::Kernels& kernels);

}  // namespace lathe

#endif  // LATHE_DSL_VM_EXECUTOR_H_
