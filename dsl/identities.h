// The exact identities of the canonical form: each keeps every bit of the result and its type,
// in double and in float, for every input, NaN payloads aside.
#ifndef LATHE_DSL_IDENTITIES_H_
#define LATHE_DSL_IDENTITIES_H_

#include <optional>
#include <span>
#include <variant>

#include "dsl/program.h"

namespace lathe {

// What the identities look at: the instruction that produced an operand and the operand's type.
class OperandView {
 public:
  // The program outlives the view; `types` are those of its instructions.
  OperandView(const Program& program, std::span<const AxisSet> types)
      : program_(program), types_(types) {}

  // Null if no instruction did.
  const Instruction* Producer(const Operand& operand) const {
    if (operand.kind != Operand::Kind::kInstruction) return nullptr;
    return &program_.instructions[operand.index];
  }
  AxisSet Type(const Operand& operand) const { return OperandType(program_, operand, types_); }

 private:
  const Program& program_;
  const std::span<const AxisSet> types_;
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
