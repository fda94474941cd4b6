#include "dsl/cost.h"

namespace lathe {
namespace {

// Elements of a value of the given type over all parameters.
double Elements(AxisSet type, std::span<const Shape> shapes) {
  double elements = 0;
  for (const Shape& shape : type.Has(Axis::kP) ? shapes : shapes.first(1)) {
    double of_one = 1;
    ForEachAxis(type, [&](Axis axis) { of_one *= static_cast<double>(shape.Extent(axis)); });
    elements += of_one;
  }
  return elements;
}

}  // namespace

Cost CountCost(const Program& program, std::span<const Shape> shapes) {
  constexpr double kBytes = sizeof(float);
  Cost cost;
  std::vector<AxisSet> types = InstructionTypes(program);
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    const auto operands = OperandTypes(program, instruction, types);
    AxisSet all;
    for (int k = 0; k < instruction.Arity(); ++k) {
      all = all.With(operands[k]);
      cost.bytes += kBytes * Elements(operands[k], shapes);
    }
    if (Info(instruction.op).rule == TypeRule::contract) {
      all = {};
      for (int k = 0; k < 2; ++k) {
        const AxisSet alone = AxesSummedAlone(instruction, operands, k);
        if (!alone.Empty()) cost.operations += Info(Op::sum).cost * Elements(operands[k], shapes);
        all = all.With(LabelsOf(operands[k].Without(alone), instruction.labels[k]));
      }
    }
    cost.operations += Info(instruction.op).cost * Elements(all, shapes);
    cost.bytes += kBytes * Elements(types[i], shapes);
  }
  for (const State& state : program.states) {
    cost.state_bytes += kBytes * Elements(state.axes, shapes);
  }
  cost.parameters = Elements(program.signature->outputs[0].axes, shapes);
  return cost;
}

}  // namespace lathe
