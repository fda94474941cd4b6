#include "dsl/testing/shuffled.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lathe::testing {
namespace {

// The old instructions in a random order in which operands still come before their users.
std::vector<int> RandomOrder(const Program& program, RandomStream& random) {
  std::vector<int> order,
      waiting = random.Permutation(static_cast<int>(program.instructions.size()));
  std::vector<bool> placed(program.instructions.size(), false);
  while (!waiting.empty()) {
    std::vector<int> later;
    for (int i : waiting) {
      bool ready = true;
      const Instruction& instruction = program.instructions[i];
      for (int k = 0; k < instruction.Arity(); ++k) {
        const Operand& operand = instruction.operands[k];
        if (operand.kind == Operand::Kind::kInstruction) ready = ready && placed[operand.index];
      }
      if (ready) placed[i] = true;
      (ready ? order : later).push_back(i);
    }
    waiting = std::move(later);
  }
  return order;
}

std::vector<int> Inverse(const std::vector<int>& order) {
  std::vector<int> place(order.size());
  for (size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<int>(i);
  return place;
}

void Rename(Program& program, RandomStream& random) {
  program.name = absl::StrCat("program", random.Below(100));
  for (Hyper& hyper : program.hypers) hyper.name = absl::StrCat("x", random.Below(100));
  for (State& state : program.states) state.name = absl::StrCat("x", random.Below(100));
  program.instruction_names.clear();
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    program.instruction_names.push_back(absl::StrCat("x", random.Below(100)));
  }
}

}  // namespace

Program Shuffled(const Program& program, RandomStream& random) {
  std::vector<int> order = RandomOrder(program, random);
  std::vector<int> state_order = random.Permutation(static_cast<int>(program.states.size()));
  std::vector<int> place = Inverse(order), state_place = Inverse(state_order);
  Program shuffled = program;
  for (size_t i = 0; i < order.size(); ++i) {
    shuffled.instructions[i] = program.instructions[order[i]];
    auto& operands = shuffled.instructions[i].operands;
    bool commutative = Info(shuffled.instructions[i].op).traits.commutative;
    if (commutative && random.Chance(0.5)) std::swap(operands[0], operands[1]);
  }
  for (size_t i = 0; i < state_order.size(); ++i) {
    shuffled.states[i] = program.states[state_order[i]];
  }
  ForEachOperand(shuffled, [&](Operand& operand) {
    if (operand.kind == Operand::Kind::kInstruction) operand.index = place[operand.index];
    if (operand.kind == Operand::Kind::kState) operand.index = state_place[operand.index];
  });
  Rename(shuffled, random);
  return shuffled;
}

}  // namespace lathe::testing
