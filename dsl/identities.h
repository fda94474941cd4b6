// The exact identities of the canonical form: each keeps every bit of the result and its type,
// in double and in float, for every input, NaN payloads aside.
#ifndef LATHE_DSL_IDENTITIES_H_
#define LATHE_DSL_IDENTITIES_H_

#include <functional>
#include <optional>
#include <variant>

#include "dsl/program.h"

namespace lathe {

// What the identities look at: the instruction that produced an operand (null if none did) and the
// operand's type.
struct OperandView {
  std::function<const Instruction*(const Operand&)> producer;
  std::function<AxisSet(const Operand&)> type;
};

// What may stand for an instruction: an operand that is there already, or another instruction.
using Rewritten = std::variant<Operand, Instruction>;

// One step of rewriting, or nullopt where no identity applies.
std::optional<Rewritten> ApplyIdentity(const Instruction& instruction, const OperandView& view);

// The value of an exactly rounded op on constants, or nullopt if an operand is none, the op is not
// exactly rounded or the value is not a constant that a program may have (inf, NaN, -0).
std::optional<double> FoldConstants(const Instruction& instruction);

}  // namespace lathe

#endif  // LATHE_DSL_IDENTITIES_H_
