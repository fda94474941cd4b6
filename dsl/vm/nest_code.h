// The bytecode of one nest: what runs on each block of elements.
#ifndef LATHE_DSL_VM_NEST_CODE_H_
#define LATHE_DSL_VM_NEST_CODE_H_

#include <array>
#include <vector>

#include "dsl/vm/schedule.h"

namespace lathe::vm {

// A place that operands are read from and results are written to.
struct Slot {
  enum class Kind : uint8_t {
    kRegister,  // block `index` of the scratch memory
    kValue,     // the array, or the number, of `ref`
    kOutput,    // of the signature; register `spare` where outputs are subtracted
    kNext,      // the array of a state, as it will be
  };
  Kind kind = Kind::kRegister;
  int index = 0;
  int spare = 0;
  Ref ref;
  AxisSet type;
};

struct BlockOp {
  Code code;
  int arity;
  std::array<int, kMaxOperands> operands;  // slots
  int result;                              // slot
};

// A reduction that takes in each block.
struct Sink {
  int node;
  int arity;
  std::array<int, 2> operands;  // slots
};

// At the end of a block, a copy: from a slot to a slot.
struct BlockStore {
  int from, to;
};
// Of an output whose value lies in a slot: outputs may be subtracted instead of stored.
struct OutputStore {
  int output;
  int from;  // a register, or the output itself where the last op writes there directly
  int to;
};

struct NestCode {
  AxisSet domain;
  std::vector<Slot> slots;
  std::vector<BlockOp> ops;
  std::vector<Sink> sinks;
  std::vector<BlockStore> stores;
  std::vector<OutputStore> outputs;
  int registers = 0;
};

// With `exact`, divisions by numbers are divisions and every lerp is computed in double; else those
// are multiplications with the reciprocal, which is as good while that neither overflows nor
// underflows, and lerps with a number are two products, as good while the number is not large.
NestCode CompileNest(const Program& program, const Lowered& lowered, const Schedule& schedule,
                     const Nest& nest, bool exact);

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_NEST_CODE_H_
