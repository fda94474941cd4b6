#include "dsl/canonicalize.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "dsl/identities.h"
#include "dsl/structure_hash.h"
#include "dsl/text.h"

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

// For each state the lowest state that is equal to it at every step, which is itself for most: the
// coarsest partition in which equal states start equal and have equal next values (as in the
// minimization of automata: start from the starts, split until nothing splits).
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

// One pass of rewriting over a program. Instructions keep their order; what is no longer used
// stays behind for Compact to drop.
class Rewriter {
 public:
  explicit Rewriter(const Program& program)
      : old_(program), leader_(EqualStates(program)), hashes_(program) {}

  Program Run() {
    result_ = old_;
    result_.instructions.clear();
    result_.instruction_names.clear();
    for (const Instruction& instruction : old_.instructions)
      replaced_.push_back(Rewrite(instruction));
    for (Operand& output : result_.outputs) output = Resolve(output);
    for (State& state : result_.states) state.next = Resolve(state.next);
    return std::move(result_);
  }

 private:
  Operand Resolve(const Operand& operand) const {
    if (operand.kind == Operand::Kind::kState) return Operand::State(leader_[operand.index]);
    if (operand.kind == Operand::Kind::kInstruction) return replaced_[operand.index];
    return operand;
  }

  Operand Rewrite(Instruction instruction) {
    for (int i = 0; i < instruction.Arity(); ++i) {
      instruction.operands[i] = Resolve(instruction.operands[i]);
    }
    const OperandView view = {
        .producer = [this](const Operand& operand) -> const Instruction* {
          if (operand.kind != Operand::Kind::kInstruction) return nullptr;
          return &result_.instructions[operand.index];
        },
        .type = [this](const Operand& operand) { return OperandType(result_, operand, types_); }};
    while (true) {
      if (std::optional<double> value = FoldConstants(instruction))
        return Operand::Constant(*value);
      SortOperands(instruction);
      std::optional<Rewritten> rewritten = ApplyIdentity(instruction, view);
      if (!rewritten) return Emit(instruction);
      if (const Operand* operand = std::get_if<Operand>(&*rewritten)) return *operand;
      instruction = std::get<Instruction>(*rewritten);
    }
  }

  void SortOperands(Instruction& instruction) const {
    if (!Info(instruction.op).traits.commutative) return;
    auto& operands = instruction.operands;
    if (hashes_.Before(operands[1], operands[0])) std::swap(operands[0], operands[1]);
  }

  Operand Emit(const Instruction& instruction) {
    int index = static_cast<int>(result_.instructions.size());
    auto [found, inserted] = emitted_.emplace(InstructionKey{instruction}, index);
    if (inserted) {
      std::array<AxisSet, kMaxArity> types;
      for (int i = 0; i < instruction.Arity(); ++i) {
        types[i] = OperandType(result_, instruction.operands[i], types_);
      }
      types_.push_back(ResultType(instruction.op, instruction.over,
                                  std::span(types).first(instruction.Arity())));
      result_.instructions.push_back(instruction);
      hashes_.Append(instruction);
    }
    return Operand::Instruction(found->second);
  }

  const Program& old_;
  std::vector<int> leader_;
  StructureHashes hashes_;
  Program result_;
  std::vector<AxisSet> types_;     // of result_'s instructions
  std::vector<Operand> replaced_;  // by old instruction
  absl::flat_hash_map<InstructionKey, int> emitted_;
};

// Keeps what an output depends on, in an order that depends on structure alone: depth first from
// the outputs, then from the next values of the states in the order in which they were met.
class Compactor {
 public:
  explicit Compactor(const Program& program) : old_(program) {
    instruction_.assign(program.instructions.size(), -1);
    state_.assign(program.states.size(), -1);
    hyper_used_.assign(program.hypers.size(), false);
  }

  Program Run() {
    result_.signature = old_.signature;
    for (const Operand& output : old_.outputs) Visit(output);
    for (size_t i = 0; i < met_.size(); ++i) Visit(old_.states[met_[i]].next);
    std::vector<int> hyper(old_.hypers.size());
    for (size_t i = 0; i < old_.hypers.size(); ++i) {
      hyper[i] = static_cast<int>(result_.hypers.size());
      if (hyper_used_[i]) result_.hypers.push_back(old_.hypers[i]);
    }
    result_.outputs = old_.outputs;
    for (int old : met_) {
      result_.states.push_back(old_.states[old]);
      result_.states.back().name.clear();
    }
    ForEachOperand(result_, [&](Operand& operand) {
      if (operand.kind == Operand::Kind::kInstruction) operand.index = instruction_[operand.index];
      if (operand.kind == Operand::Kind::kState) operand.index = state_[operand.index];
      if (operand.kind == Operand::Kind::kHyper) operand.index = hyper[operand.index];
    });
    return std::move(result_);
  }

 private:
  // Marks what `operand` depends on. Depth is bounded by kMaxInstructions.
  void Visit(const Operand& operand) {
    if (operand.kind == Operand::Kind::kHyper) hyper_used_[operand.index] = true;
    if (operand.kind == Operand::Kind::kState && state_[operand.index] < 0) {
      state_[operand.index] = static_cast<int>(met_.size());
      met_.push_back(operand.index);
    }
    if (operand.kind != Operand::Kind::kInstruction || instruction_[operand.index] >= 0) return;
    const Instruction& instruction = old_.instructions[operand.index];
    for (int i = 0; i < instruction.Arity(); ++i) Visit(instruction.operands[i]);
    instruction_[operand.index] = static_cast<int>(result_.instructions.size());
    result_.instructions.push_back(instruction);
  }

  const Program& old_;
  Program result_;
  std::vector<int> instruction_, state_;  // new index by old, -1 while unmet
  std::vector<int> met_;                  // old states in new order
  std::vector<bool> hyper_used_;
};

}  // namespace

Program Canonicalize(const Program& program) {
  Program current = Compactor(program).Run();
  while (true) {
    Program next = Compactor(Rewriter(current).Run()).Run();
    if (next == current) return current;
    current = std::move(next);
  }
}

CanonicalForm MakeCanonical(const Program& program) {
  CanonicalForm form;
  form.program = Canonicalize(program);
  form.text = Print(form.program);
  form.hash = HashBytes(form.text);
  return form;
}

}  // namespace lathe
