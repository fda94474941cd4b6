#include "search/mutate.h"

#include <algorithm>
#include <cmath>

#include "dsl/wellformed.h"

namespace lathe {
namespace {

constexpr double kRedrawChance = 0.1;        // a constant is drawn anew, else multiplied
constexpr double kConstantChance = 0.15;     // a new operand is a constant
constexpr double kKeepConstantChance = 0.5;  // a modified constant stays one
constexpr double kOverChance = 0.25;         // modifying a reduction changes its axes
constexpr double kLargestConstant = 1e10;
constexpr int kMostRedraws = 1000;

// A place in a program where an operand stands, and how many instructions it may read.
struct Slot {
  Operand* operand;
  int visible;
};

std::vector<Slot> SlotsOf(Program& program) {
  std::vector<Slot> slots;
  int count = static_cast<int>(program.instructions.size());
  slots.reserve(kMaxArity * count + program.outputs.size() + program.states.size());
  for (int i = 0; i < count; ++i) {
    Instruction& instruction = program.instructions[i];
    for (int k = 0; k < instruction.Arity(); ++k) slots.push_back({&instruction.operands[k], i});
  }
  for (Operand& output : program.outputs) slots.push_back({&output, count});
  for (State& state : program.states) slots.push_back({&state.next, count});
  return slots;
}

double MutatedNumber(double value, const Range& range, RandomStream& random) {
  const bool anew = random.Chance(kRedrawChance);
  for (int i = 0; i < kMostRedraws; ++i) {
    double drawn = anew ? random.Normal() : value * PortableExp2(random.Normal());
    if (drawn == 0) drawn = 0;  // no -0
    if (std::fabs(drawn) <= kLargestConstant && range.Has(drawn)) return drawn;
  }
  return value;
}

void MutateNumber(Program& program, Operand& operand, RandomStream& random) {
  if (operand.kind == Operand::Kind::kHyper) {
    Hyper& hyper = program.hypers[operand.index];
    hyper.value = MutatedNumber(hyper.value, hyper.range, random);
  } else {
    operand.constant = MutatedNumber(operand.constant, Range(), random);
  }
}

bool IsNumber(const Operand& operand) {
  return operand.IsConstant() || operand.kind == Operand::Kind::kHyper;
}

bool MutateConstant(Program& program, RandomStream& random) {
  std::vector<Operand*> constants;
  ForEachOperand(program, [&](Operand& operand) {
    if (operand.IsConstant()) constants.push_back(&operand);
  });
  size_t count = constants.size() + program.hypers.size();
  if (count == 0) return false;
  size_t choice = random.Below(count);
  Operand hyper = Operand::Hyper(static_cast<int>(choice - constants.size()));
  MutateNumber(program, choice < constants.size() ? *constants[choice] : hyper, random);
  return true;
}

// Makes room for an instruction at `position`.
void ShiftResults(Program& program, int position, int by) {
  ForEachOperand(program, [&](Operand& operand) {
    if (operand.kind == Operand::Kind::kInstruction && operand.index >= position)
      operand.index += by;
  });
}

// A new statement either gets a name of its own, and is dead until something reads it, or takes
// over a name that is read further down: the readers then see the new value. The names are those
// of the inputs, states and results before it, of the outputs and of the next values.
void Rebind(Program& program, int position, RandomStream& random) {
  const Operand fresh = Operand::Instruction(position);
  std::vector<Slot> slots = SlotsOf(program);
  std::vector<Operand> names;
  for (const Slot& slot : slots) {
    bool after = slot.visible > position;
    bool seen = std::find(names.begin(), names.end(), *slot.operand) != names.end();
    if (after && !seen && !IsNumber(*slot.operand) && !(*slot.operand == fresh) &&
        (slot.operand->kind != Operand::Kind::kInstruction || slot.operand->index < position)) {
      names.push_back(*slot.operand);
    }
  }
  size_t results = program.outputs.size() + program.states.size();
  size_t choice = random.Below(1 + results + names.size());
  if (choice == 0) return;
  if (choice <= program.outputs.size()) {
    program.outputs[choice - 1] = fresh;
  } else if (choice <= results) {
    program.states[choice - 1 - program.outputs.size()].next = fresh;
  } else {
    const Operand name = names[choice - 1 - results];
    for (const Slot& slot : slots) {
      if (slot.visible > position && *slot.operand == name) *slot.operand = fresh;
    }
  }
}

void Insert(Program& program, const SearchSpace& space, RandomStream& random) {
  int position = static_cast<int>(random.Below(program.instructions.size() + 1));
  Instruction instruction =
      RandomInstruction(program, space, position, InstructionTypes(program), random);
  ShiftResults(program, position, 1);
  program.instructions.insert(program.instructions.begin() + position, instruction);
  Rebind(program, position, random);
}

// The readers of a deleted statement read one of its operands instead.
void Delete(Program& program, RandomStream& random) {
  int position = static_cast<int>(random.Below(program.instructions.size()));
  const Instruction deleted = program.instructions[position];
  const Operand instead = deleted.operands[random.Below(deleted.Arity())];
  program.instructions.erase(program.instructions.begin() + position);
  ForEachOperand(program, [&](Operand& operand) {
    if (operand.IsInstruction(position)) operand = instead;
  });
  ShiftResults(program, position + 1, -1);
}

void Modify(Program& program, const SearchSpace& space, RandomStream& random) {
  std::vector<Slot> slots = SlotsOf(program);
  size_t choice = random.Below(slots.size());
  const Slot& slot = slots[choice];
  if (IsNumber(*slot.operand) && random.Chance(kKeepConstantChance)) {
    return MutateNumber(program, *slot.operand, random);
  }
  bool in_instruction = slot.visible < static_cast<int>(program.instructions.size());
  if (in_instruction) {
    Instruction& instruction = program.instructions[slot.visible];
    if (NamesAxes(instruction.op) && random.Chance(kOverChance)) {
      instruction.over = RandomNamedAxes(*program.signature, space, random);
      return;
    }
    if (Info(instruction.op).rule == TypeRule::contract && random.Chance(kOverChance)) {
      const auto operands = OperandTypes(program, instruction, InstructionTypes(program));
      return DrawLabels(*program.signature, instruction, operands, random);
    }
  }
  *slot.operand = RandomOperand(program, space, slot.visible, kConstantChance, random);
}

}  // namespace

Mutation Mutate(const Program& parent, const MutationOptions& options, RandomStream& random) {
  Mutation mutation{parent, "constant"};
  Program& program = mutation.program;
  program.instruction_names.clear();
  if (options.constants_only) {
    MutateConstant(program, random);
    return mutation;
  }
  bool full = static_cast<int>(program.instructions.size()) >= options.max_statements;
  const std::array<double, 3> weights = {full ? 0 : options.insert_weight,
                                         program.instructions.empty() ? 0 : options.delete_weight,
                                         options.modify_weight};
  if (weights[0] + weights[1] + weights[2] <= 0) return mutation;
  switch (random.Weighted(weights)) {
    case 0:
      mutation.operation = "insert";
      Insert(program, options.space, random);
      break;
    case 1:
      mutation.operation = "delete";
      Delete(program, random);
      break;
    default: mutation.operation = "modify"; Modify(program, options.space, random);
  }
  RepairEinsums(program);
  return mutation;
}

}  // namespace lathe
