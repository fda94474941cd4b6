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

namespace {

// Where the label of an axis lies in AxisLabels, in bits; -1 for axes that keep their names.
int LabelShift(Axis axis) {
  switch (axis) {
    case Axis::kR: return 0;
    case Axis::kC: return 2;
    case Axis::kR1: return 4;
    case Axis::kC1: return 6;
    default: return -1;
  }
}

}  // namespace

Axis LabelOf(Axis axis, AxisLabels labels) {
  static constexpr std::array<Axis, 4> kRows = {Axis::kR, Axis::kR1, Axis::kR2, Axis::kR2};
  static constexpr std::array<Axis, 4> kCols = {Axis::kC, Axis::kC1, Axis::kC2, Axis::kC2};
  const int shift = LabelShift(axis);
  if (shift < 0) return axis;
  const bool rows = axis == Axis::kR || axis == Axis::kR1;
  return (rows ? kRows : kCols)[labels >> shift & 3];
}

AxisSet LabelsOf(AxisSet type, AxisLabels labels) {
  AxisSet set;
  ForEachAxis(type, [&](Axis axis) { set = set.With({LabelOf(axis, labels)}); });
  return set;
}

AxisLabels WithLabel(AxisLabels labels, Axis axis, int primes) {
  const int shift = LabelShift(axis);
  if (shift < 0) return labels;
  return static_cast<AxisLabels>((labels & ~(3 << shift)) | primes << shift);
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

std::array<AxisSet, kMaxArity> OperandTypes(const Program& program, const Instruction& instruction,
                                            const std::vector<AxisSet>& instruction_types) {
  std::array<AxisSet, kMaxArity> types;
  for (int i = 0; i < instruction.Arity(); ++i) {
    types[i] = OperandType(program, instruction.operands[i], instruction_types);
  }
  return types;
}

std::vector<AxisSet> InstructionTypes(const Program& program) {
  std::vector<AxisSet> types;
  types.reserve(program.instructions.size());
  for (const Instruction& instruction : program.instructions) {
    const auto operands = OperandTypes(program, instruction, types);
    types.push_back(ResultType(instruction.op, instruction.over,
                               std::span(operands).first(instruction.Arity())));
  }
  return types;
}

}  // namespace lathe
