#include "dsl/program.h"

#include <cmath>

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

AxisSet AxesSummedAlone(const Instruction& einsum, std::span<const AxisSet> types, int which) {
  const int other = 1 - which;
  const AxisSet needed = einsum.over.With(LabelsOf(types[other], einsum.labels[other]));
  AxisSet alone;
  ForEachAxis(types[which].Without({Axis::kP}), [&](Axis axis) {
    if (!needed.Has(LabelOf(axis, einsum.labels[which]))) alone = alone.With({axis});
  });
  return alone;
}

AxisLabels WithLabel(AxisLabels labels, Axis axis, int primes) {
  const int shift = LabelShift(axis);
  if (shift < 0) return labels;
  return static_cast<AxisLabels>((labels & ~(3 << shift)) | primes << shift);
}

std::vector<AxisSet> InstructionTypes(const Program& program) {
  std::vector<AxisSet> types;
  types.reserve(program.instructions.size());
  for (const Instruction& instruction : program.instructions) {
    types.push_back(TypeOf(instruction, OperandTypes(program, instruction, types)));
  }
  return types;
}

}  // namespace lathe
