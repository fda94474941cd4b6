#include "dsl/equal_states.h"

#include <bit>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace lathe {
namespace {

// An instruction as a key: equal keys compute equal values.
struct InstructionKey {
  Instruction instruction;

  friend bool operator==(const InstructionKey&, const InstructionKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const InstructionKey& key) {
    const Instruction& i = key.instruction;
    state = H::combine(std::move(state), i.op, i.over.Bits(), i.labels[0], i.labels[1]);
    for (const Operand& o : i.operands) {
      state = H::combine(std::move(state), o.kind, o.index, std::bit_cast<uint64_t>(o.constant));
    }
    return state;
  }
};

}  // namespace

std::vector<int> EqualStates(const Program& program) {
  size_t count = program.states.size();
  std::map<std::tuple<int, bool, uint64_t>, int> starts;
  std::vector<int> leader(count);
  for (size_t i = 0; i < count; ++i) {
    const State& s = program.states[i];
    std::tuple key{s.axes.Bits(), s.start_from_input, std::bit_cast<uint64_t>(s.start)};
    leader[i] = starts.emplace(key, static_cast<int>(i)).first->second;
  }
  while (starts.size() < count) {
    // Number the values as if every state were its leader.
    absl::flat_hash_map<InstructionKey, int> numbers;
    std::vector<int> number_of(program.instructions.size());
    auto resolve = [&](Operand operand) {
      if (operand.kind == Operand::Kind::kState) operand.index = leader[operand.index];
      if (operand.kind == Operand::Kind::kInstruction) operand.index = number_of[operand.index];
      return operand;
    };
    for (size_t i = 0; i < program.instructions.size(); ++i) {
      InstructionKey key{program.instructions[i]};
      for (Operand& operand : key.instruction.operands) operand = resolve(operand);
      number_of[i] = numbers.emplace(key, static_cast<int>(i)).first->second;
    }
    std::map<std::tuple<int, int, int, uint64_t>, int> split;
    std::vector<int> next_leader(count);
    for (size_t i = 0; i < count; ++i) {
      Operand next = resolve(program.states[i].next);
      std::tuple key{leader[i], static_cast<int>(next.kind), next.index,
                     std::bit_cast<uint64_t>(next.constant)};
      next_leader[i] = split.emplace(key, static_cast<int>(i)).first->second;
    }
    if (next_leader == leader) break;
    leader = next_leader;
  }
  return leader;
}

}  // namespace lathe
