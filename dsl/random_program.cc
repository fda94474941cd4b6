#include "dsl/random_program.h"

#include <algorithm>

namespace lathe {
namespace {

constexpr double kConstantChance = 0.15;
// How often an operand of a random program is one of the latest results.
constexpr double kRecentChance = 0.5;
constexpr int kRecent = 3;

// What a reduction may name: removing P removes R and C as well.
constexpr std::array<AxisSet, 4> kReducible = {AxisSet{Axis::kR}, AxisSet{Axis::kC},
                                               AxisSet{Axis::kR, Axis::kC}, kAllAxes};

}  // namespace

SearchSpace SearchSpace::Default(const Signature& signature) {
  SearchSpace space;
  for (Op op : AllOps()) {
    if (Info(op).weight <= 0) continue;
    space.ops.push_back(op);
    space.op_weights.push_back(Info(op).weight);
  }
  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    if (signature.inputs[i].searched) space.inputs.push_back(static_cast<int>(i));
  }
  return space;
}

AxisSet RandomReducedAxes(RandomStream& random) {
  return kReducible[random.Below(kReducible.size())];
}

Operand RandomOperand(const Program& program, const SearchSpace& space, int position,
                      double constant_chance, RandomStream& random) {
  if (random.Chance(constant_chance)) return Operand::Constant(random.Normal());
  uint64_t inputs = space.inputs.size();
  uint64_t hypers = program.hypers.size();
  uint64_t states = program.states.size();
  uint64_t choice = random.Below(inputs + hypers + states + position);
  if (choice < inputs) return Operand::Input(space.inputs[choice]);
  choice -= inputs;
  if (choice < hypers) return Operand::Hyper(static_cast<int>(choice));
  choice -= hypers;
  if (choice < states) return Operand::State(static_cast<int>(choice));
  return Operand::Instruction(static_cast<int>(choice - states));
}

Instruction RandomInstruction(const Program& program, const SearchSpace& space, int position,
                              RandomStream& random) {
  Instruction instruction;
  instruction.op = space.ops[random.Weighted(space.op_weights)];
  if (Info(instruction.op).rule == TypeRule::reduce_over) {
    instruction.over = RandomReducedAxes(random);
  }
  for (int i = 0; i < instruction.Arity(); ++i) {
    // An op of one operand on a constant is a constant.
    double constant_chance = instruction.Arity() == 1 ? 0 : kConstantChance;
    instruction.operands[i] = RandomOperand(program, space, position, constant_chance, random);
  }
  return instruction;
}

Program RandomProgram(const Signature& signature, const SearchSpace& space,
                      const RandomProgramSize& size, RandomStream& random) {
  Program program;
  program.signature = &signature;
  program.states.resize(size.states);
  for (State& state : program.states) state.axes = signature.outputs[0].axes;
  int statements = size.min_statements +
                   static_cast<int>(random.Below(size.max_statements - size.min_statements + 1));
  for (int i = 0; i < statements; ++i) {
    Instruction instruction = RandomInstruction(program, space, i, random);
    for (int k = 0; k < instruction.Arity(); ++k) {
      if (i == 0 || instruction.operands[k].IsConstant() || !random.Chance(kRecentChance)) continue;
      int recent = static_cast<int>(random.Below(std::min(kRecent, i)));
      instruction.operands[k] = Operand::Instruction(i - 1 - recent);
    }
    program.instructions.push_back(instruction);
  }
  for (State& state : program.states)
    state.next = RandomOperand(program, space, statements, 0, random);
  program.outputs.assign(signature.outputs.size(), Operand());
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    program.outputs[i] = statements > static_cast<int>(i)
                             ? Operand::Instruction(statements - 1 - static_cast<int>(i))
                             : RandomOperand(program, space, statements, 0, random);
  }
  return program;
}

}  // namespace lathe
