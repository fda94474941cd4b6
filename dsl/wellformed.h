// What an instruction must satisfy beyond its operands existing: the labels of an einsum, the axes
// of a reduction, what a layer may do with its batch.
#ifndef LATHE_DSL_WELLFORMED_H_
#define LATHE_DSL_WELLFORMED_H_

#include <string>

#include "dsl/program.h"

namespace lathe {

using OperandTypeArray = std::array<AxisSet, kMaxArity>;

// Whether an instruction names no axes and its op takes operands of any types: nothing below can be
// wrong with it.
inline bool IsPlain(const Instruction& instruction) {
  return Info(instruction.op).rule == TypeRule::elementwise && instruction.over.Empty() &&
         (instruction.labels[0] | instruction.labels[1]) == 0;
}

// What is wrong with the axes that an instruction names, and what is allowed; empty if nothing is.
// `operands` are the types of its operands.
std::string AxesProblem(const Signature& signature, const Instruction& instruction,
                        const OperandTypeArray& operands);

// What is wrong with what an instruction of a layer does along B: a reduction that removes B keeps
// neither H nor W, since its buffer has no places for them, and nothing else may look across B.
std::string BatchProblem(const Instruction& instruction, const OperandTypeArray& operands);

// Makes the labels and the result of an einsum fit its operands: an axis that is there gets a label
// of its own, the result keeps what there is. Any einsum is well-formed afterwards.
void RepairEinsum(const Signature& signature, Instruction& instruction,
                  const OperandTypeArray& operands);
// The same for every einsum of a program, in order.
void RepairEinsums(Program& program);

}  // namespace lathe

#endif  // LATHE_DSL_WELLFORMED_H_
