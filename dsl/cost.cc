#include "dsl/cost.h"

namespace lathe {
namespace {

// Elements of a value of the given type over all parameters.
double Elements(AxisSet type, std::span<const Shape> shapes) {
  if (!type.Has(Axis::kP)) return 1;
  double elements = 0;
  for (const Shape& shape : shapes) {
    elements += static_cast<double>(type.Has(Axis::kR) ? shape.rows : 1) *
                static_cast<double>(type.Has(Axis::kC) ? shape.cols : 1);
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
    AxisSet all;
    for (int k = 0; k < instruction.Arity(); ++k) {
      AxisSet type = OperandType(program, instruction.operands[k], types);
      all = all.With(type);
      cost.bytes += kBytes * Elements(type, shapes);
    }
    cost.operations += Info(instruction.op).cost * Elements(all, shapes);
    cost.bytes += kBytes * Elements(types[i], shapes);
  }
  for (const State& state : program.states) {
    cost.state_bytes += kBytes * Elements(state.axes, shapes);
  }
  cost.parameters = Elements(kAllAxes, shapes);
  return cost;
}

}  // namespace lathe
