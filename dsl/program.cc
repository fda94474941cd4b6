#include "dsl/program.h"

#include <cmath>
#include <span>

#include "dsl/text.h"

namespace lathe {

std::string Range::Text() const {
  auto bound = [](double value) {
    if (std::isinf(value)) return std::string(value < 0 ? "-inf" : "inf");
    return NumberText(value);
  };
  return (low_included ? "[" : "(") + bound(low) + ", " + bound(high) + (high_included ? "]" : ")");
}

AxisSet OperandType(const Program& program, const Operand& operand,
                    const std::vector<AxisSet>& instruction_types) {
  switch (operand.kind) {
    case Operand::Kind::kConstant:
    case Operand::Kind::kHyper: return {};
    case Operand::Kind::kInput: return program.signature->inputs[operand.index].axes;
    case Operand::Kind::kState: return program.states[operand.index].axes;
    case Operand::Kind::kInstruction: return instruction_types[operand.index];
  }
  return {};
}

std::vector<AxisSet> InstructionTypes(const Program& program) {
  std::vector<AxisSet> types;
  types.reserve(program.instructions.size());
  for (const Instruction& instruction : program.instructions) {
    std::array<AxisSet, kMaxArity> operands;
    for (int i = 0; i < instruction.Arity(); ++i) {
      operands[i] = OperandType(program, instruction.operands[i], types);
    }
    types.push_back(ResultType(instruction.op, instruction.over,
                               std::span(operands).first(instruction.Arity())));
  }
  return types;
}

}  // namespace lathe
