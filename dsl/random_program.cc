#include "dsl/random_program.h"

#include <algorithm>

#include "dsl/wellformed.h"

namespace lathe {
namespace {

constexpr double kConstantChance = 0.15;
// How often an operand of a random program is one of the latest results.
constexpr double kRecentChance = 0.5;
constexpr int kRecent = 3;
// How often an operand of a tangled program is a result that nothing has read.
constexpr double kUnreadChance = 0.7;
constexpr double kLabelChance = 0.35;
constexpr double kKeepChance = 0.6;
constexpr double kRarestWeight = 0.1;
constexpr int kMostRedraws = 20;

// What a reduction may name. Removing P removes the axes of the parameters as well.
constexpr std::array<AxisSet, 4> kOfModels = {AxisSet{Axis::kR}, AxisSet{Axis::kC},
                                              AxisSet{Axis::kR, Axis::kC}, kModelAxes};
constexpr std::array<AxisSet, 7> kOfPrimedModels = {
    AxisSet{Axis::kR},  AxisSet{Axis::kC},  AxisSet{Axis::kR, Axis::kC},  kModelAxes,
    AxisSet{Axis::kR1}, AxisSet{Axis::kC1}, AxisSet{Axis::kR1, Axis::kC1}};
constexpr std::array<AxisSet, 7> kOfLayers = {
    AxisSet{Axis::kB, Axis::kH, Axis::kW},
    AxisSet{Axis::kH, Axis::kW},
    AxisSet{Axis::kK, Axis::kH, Axis::kW},
    AxisSet{Axis::kG, Axis::kK, Axis::kH, Axis::kW},
    AxisSet{Axis::kG, Axis::kK},
    AxisSet{Axis::kK},
    AxisSet{Axis::kB, Axis::kG, Axis::kK, Axis::kH, Axis::kW}};

bool Has(const SearchSpace& space, TypeRule rule) {
  return std::any_of(space.ops.begin(), space.ops.end(),
                     [rule](Op op) { return Info(op).rule == rule; });
}

Instruction DrawnInstruction(const Program& program, const SearchSpace& space, int position,
                             RandomStream& random) {
  Instruction instruction;
  instruction.op = space.ops[random.Weighted(space.op_weights)];
  if (NamesAxes(instruction.op)) {
    instruction.over = RandomNamedAxes(*program.signature, space, random);
  }
  for (int i = 0; i < instruction.Arity(); ++i) {
    // An op of one operand on a constant is a constant.
    double constant_chance = instruction.Arity() == 1 ? 0 : kConstantChance;
    instruction.operands[i] = RandomOperand(program, space, position, constant_chance, random);
  }
  return instruction;
}

// Builds one program, statement after statement.
class Builder {
 public:
  Builder(const Signature& signature, const SearchSpace& space, const RandomProgramSize& size,
          RandomStream& random)
      : space_(space), size_(size), random_(random) {
    program_.signature = &signature;
  }

  Program Build() {
    DrawStates();
    int statements =
        size_.min_statements +
        static_cast<int>(random_.Below(size_.max_statements - size_.min_statements + 1));
    for (int i = 0; i < statements; ++i) DrawStatement(i);
    for (State& state : program_.states) {
      const Operand next = size_.tangled && statements > 0
                               ? Unread()
                               : RandomOperand(program_, space_, statements, 0, random_);
      state.next = Fitting(next, state.axes);
    }
    const int last = static_cast<int>(program_.instructions.size());
    for (size_t i = 0; i < program_.signature->outputs.size(); ++i) {
      const Operand output = last > static_cast<int>(i)
                                 ? Operand::Instruction(last - 1 - static_cast<int>(i))
                                 : RandomOperand(program_, space_, last, 0, random_);
      program_.outputs.push_back(Fitting(output, program_.signature->outputs[i].axes));
    }
    return std::move(program_);
  }

 private:
  void DrawStates() {
    if (!program_.signature->has_states) return;
    program_.states.resize(size_.states);
    for (State& state : program_.states) {
      state.axes = program_.signature->outputs[0].axes;
      if (!size_.tangled) continue;
      static constexpr std::array<AxisSet, 5> kAxes = {kModelAxes, AxisSet{Axis::kP, Axis::kR},
                                                       AxisSet{Axis::kP, Axis::kC},
                                                       AxisSet{Axis::kP}, AxisSet{}};
      if (random_.Chance(0.5)) state.axes = kAxes[random_.Below(kAxes.size())];
      state.start_from_input = state.axes == kModelAxes && random_.Chance(0.2);
      if (!state.start_from_input) state.start = static_cast<double>(random_.Below(2));
    }
  }

  void DrawStatement(int i) {
    Instruction instruction = RandomInstruction(program_, space_, i, types_, random_);
    Instruction leaning = instruction;
    for (int k = 0; k < instruction.Arity(); ++k) {
      if (i == 0 || instruction.operands[k].IsConstant()) continue;
      if (!random_.Chance(size_.tangled ? kUnreadChance : kRecentChance)) continue;
      leaning.operands[k] =
          size_.tangled
              ? Unread()
              : Operand::Instruction(i - 1 - static_cast<int>(random_.Below(std::min(kRecent, i))));
    }
    const OperandTypeArray operands = OperandTypes(program_, leaning, types_);
    if (Info(leaning.op).rule == TypeRule::contract) {
      DrawLabels(*program_.signature, leaning, operands, random_);
    }
    Append(BatchProblem(leaning, operands).empty() ? leaning : instruction);
  }

  Operand Append(const Instruction& instruction) {
    for (int k = 0; k < instruction.Arity(); ++k) {
      const Operand& operand = instruction.operands[k];
      if (operand.kind == Operand::Kind::kInstruction) read_[operand.index] = true;
    }
    const OperandTypeArray operands = OperandTypes(program_, instruction, types_);
    types_.push_back(TypeOf(instruction, operands));
    program_.instructions.push_back(instruction);
    read_.push_back(false);
    return Operand::Instruction(static_cast<int>(program_.instructions.size()) - 1);
  }

  // A result that nothing has read, one of the latest; else any of the latest results.
  Operand Unread() {
    std::vector<int> unread;
    for (int i = static_cast<int>(read_.size()); i-- > 0 && unread.size() < 2 * kRecent;) {
      if (!read_[i]) unread.push_back(i);
    }
    if (unread.empty()) return Operand::Instruction(static_cast<int>(read_.size()) - 1);
    const int chosen = unread[random_.Below(unread.size())];
    read_[chosen] = true;
    return Operand::Instruction(chosen);
  }

  // The operand, or its mean over the axes that `axes` lacks.
  Operand Fitting(const Operand& operand, AxisSet axes) {
    const AxisSet type = OperandType(program_, operand, types_);
    if (axes.Contains(type)) return operand;
    AxisSet over = type.Without(axes);
    if (over.Has(Axis::kP)) over = type;
    return Append({Op::mean, over, {operand}});
  }

  const SearchSpace& space_;
  const RandomProgramSize& size_;
  RandomStream& random_;
  Program program_;
  std::vector<AxisSet> types_;
  std::vector<bool> read_;
};

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

SearchSpace SearchSpace::Everything(const Signature& signature) {
  SearchSpace space;
  for (Op op : AllOps()) {
    const bool einsum = Info(op).rule == TypeRule::contract;
    space.ops.push_back(op);
    space.op_weights.push_back(einsum ? 1 : std::max(Info(op).weight, kRarestWeight));
  }
  for (size_t i = 0; i < signature.inputs.size(); ++i) space.inputs.push_back(static_cast<int>(i));
  return space;
}

AxisSet RandomNamedAxes(const Signature& signature, const SearchSpace& space,
                        RandomStream& random) {
  if (signature.axes.Has(Axis::kB)) return kOfLayers[random.Below(kOfLayers.size())];
  if (Has(space, TypeRule::contract)) return kOfPrimedModels[random.Below(kOfPrimedModels.size())];
  return kOfModels[random.Below(kOfModels.size())];
}

void DrawLabels(const Signature& signature, Instruction& einsum, const OperandTypeArray& operands,
                RandomStream& random) {
  AxisSet labels;
  for (int i = 0; i < 2; ++i) {
    einsum.labels[i] = kPlainLabels;
    ForEachAxis(operands[i].Within(kParameterAxes), [&](Axis axis) {
      if (!random.Chance(kLabelChance)) return;
      einsum.labels[i] = WithLabel(einsum.labels[i], axis, static_cast<int>(random.Below(3)));
    });
  }
  einsum.over = {};
  RepairEinsum(signature, einsum, operands);
  for (int i = 0; i < 2; ++i) labels = labels.With(LabelsOf(operands[i], einsum.labels[i]));
  ForEachAxis(labels.Without({Axis::kP}), [&](Axis label) {
    // A layer may not sum over its batch.
    if (label == Axis::kB || random.Chance(kKeepChance)) einsum.over = einsum.over.With({label});
  });
  RepairEinsum(signature, einsum, operands);
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
                              const std::vector<AxisSet>& types, RandomStream& random) {
  for (int i = 0; i < kMostRedraws; ++i) {
    Instruction instruction = DrawnInstruction(program, space, position, random);
    const OperandTypeArray operands = OperandTypes(program, instruction, types);
    if (Info(instruction.op).rule == TypeRule::contract) {
      DrawLabels(*program.signature, instruction, operands, random);
    }
    if (BatchProblem(instruction, operands).empty()) return instruction;
  }
  // Of two operands that are always there.
  const Operand input = Operand::Input(space.inputs[0]);
  return {Op::add, {}, {input, input}};
}

Program RandomProgram(const Signature& signature, const SearchSpace& space,
                      const RandomProgramSize& size, RandomStream& random) {
  return Builder(signature, space, size, random).Build();
}

}  // namespace lathe
