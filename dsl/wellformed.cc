#include "dsl/wellformed.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr AxisSet kInsideEinsum = {Axis::kR2, Axis::kC2};

AxisSet UnionOf(const OperandTypeArray& operands) {
  AxisSet all;
  for (AxisSet type : operands) all = all.With(type);
  return all;
}

AxisSet EinsumLabels(const Instruction& instruction, const OperandTypeArray& operands) {
  return LabelsOf(operands[0], instruction.labels[0])
      .With(LabelsOf(operands[1], instruction.labels[1]))
      .Without({Axis::kP});
}

// 0 where an axis is not there, which the text does not show either.
AxisLabels Shown(AxisLabels labels, AxisSet type) {
  ForEachAxis(kParameterAxes.Without(type),
              [&](Axis axis) { labels = WithLabel(labels, axis, 0); });
  return labels;
}

std::string EinsumProblem(const Signature& signature, const Instruction& instruction,
                          const OperandTypeArray& operands) {
  for (int i = 0; i < 2; ++i) {
    const AxisSet labels = LabelsOf(operands[i], instruction.labels[i]);
    if (labels.Size() != operands[i].Size()) {
      return "an einsum gives the axes of an operand labels that differ";
    }
    if (Shown(instruction.labels[i], operands[i]) != instruction.labels[i]) {
      return "an einsum has labels for axes that its operand lacks";
    }
  }
  const AxisSet allowed =
      EinsumLabels(instruction, operands).Without(kInsideEinsum).Within(signature.axes);
  if (allowed.Contains(instruction.over)) return "";
  return absl::StrCat("the result of an einsum keeps axes of its operands",
                      signature.axes.Has(Axis::kR1) ? " without double primes" : "", ", here ",
                      allowed.Empty() ? "none" : "some of " + allowed.List());
}

}  // namespace

std::string AxesProblem(const Signature& signature, const Instruction& instruction,
                        const OperandTypeArray& operands) {
  if (Info(instruction.op).rule == TypeRule::contract) {
    return EinsumProblem(signature, instruction, operands);
  }
  if (instruction.labels != decltype(instruction.labels){}) return "only an einsum has labels";
  if (!NamesAxes(instruction.op)) return instruction.over.Empty() ? "" : "the op takes no axes";
  if (instruction.over.Empty()) return "the reduction names no axes";
  if (signature.axes.Contains(instruction.over)) return "";
  return absl::StrCat("the axes of ", std::string(signature.name), " are ", signature.axes.List());
}

std::string BatchProblem(const Instruction& instruction, const OperandTypeArray& operands) {
  const AxisSet all = UnionOf(operands);
  if (!all.Has(Axis::kB)) return "";
  const AxisSet type = TypeOf(instruction, operands);
  if (IsReduction(instruction.op)) {
    if (type.Has(Axis::kB) || type.Within({Axis::kH, Axis::kW}).Empty()) return "";
    return absl::StrCat(std::string(Info(instruction.op).name), " that removes B keeps ",
                        type.Text(), "; it has to remove H and W too, which evaluation may change");
  }
  bool across = false;
  switch (Info(instruction.op).rule) {
    case TypeRule::normalize_over: across = instruction.over.Has(Axis::kB); break;
    case TypeRule::normalize_model: across = operands[0].Has(Axis::kB); break;
    case TypeRule::contract: across = !type.Has(Axis::kB); break;
    default: break;
  }
  if (!across) return "";
  return absl::StrCat(std::string(Info(instruction.op).name),
                      " looks across B, which only reductions may: they read a buffer in "
                      "evaluation");
}

void RepairEinsum(const Signature& signature, Instruction& instruction,
                  const OperandTypeArray& operands) {
  for (int i = 0; i < 2; ++i) {
    AxisLabels labels = Shown(instruction.labels[i], operands[i]);
    AxisSet taken;
    ForEachAxis(operands[i], [&](Axis axis) {
      for (int primes = 0; taken.Has(LabelOf(axis, labels)) && primes < 3; ++primes) {
        labels = WithLabel(labels, axis, primes);
      }
      taken = taken.With({LabelOf(axis, labels)});
    });
    instruction.labels[i] = labels;
  }
  instruction.over = instruction.over.Within(EinsumLabels(instruction, operands))
                         .Without(kInsideEinsum)
                         .Within(signature.axes);
}

void RepairEinsums(Program& program) {
  const bool any =
      std::any_of(program.instructions.begin(), program.instructions.end(),
                  [](const Instruction& i) { return Info(i.op).rule == TypeRule::contract; });
  if (!any) return;
  std::vector<AxisSet> types;
  for (Instruction& instruction : program.instructions) {
    const OperandTypeArray operands = OperandTypes(program, instruction, types);
    if (Info(instruction.op).rule == TypeRule::contract) {
      RepairEinsum(*program.signature, instruction, operands);
    }
    types.push_back(TypeOf(instruction, operands));
  }
}

}  // namespace lathe
