#include "dsl/canonicalize.h"

#include <bit>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "dsl/equal_states.h"
#include "dsl/identities.h"
#include "dsl/structure_hash.h"
#include "dsl/text.h"

namespace lathe {
namespace {

// Most programs are this short; longer ones take their tables from the heap.
constexpr size_t kUsualStatements = 48;
constexpr size_t kUsualStates = 8;

// Which instruction computes what: finds an equal one by its structure hash.
class InstructionTable {
 public:
  explicit InstructionTable(size_t capacity) : slots_(std::bit_ceil(2 * capacity + 1), kFree) {}

  // The index for which same(index) holds, which is entered before if there is none: `fresh`.
  template <typename Same>
  int FindOrInsert(uint64_t hash, int fresh, Same same) {
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != kFree && !same(slots_[at])) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at] == kFree) slots_[at] = fresh;
    return slots_[at];
  }

 private:
  static constexpr int kFree = -1;
  absl::InlinedVector<int, 2 * kUsualStatements> slots_;  // a power of two, half of them free
};

// One pass of rewriting over a program. Instructions keep their order; what is no longer used
// stays behind for Compactor to drop. At most one instruction is emitted per old one, so that the
// new ones take the places of old ones that are done.
class Rewriter {
 public:
  explicit Rewriter(Program& program)
      : program_(program), hashes_(program), emitted_(program.instructions.size()) {
    if (hashes_.SomeStatesMayBeEqual()) leader_ = EqualStates(program);
    for (size_t i = 0; i < leader_.size(); ++i) changed_ |= leader_[i] != static_cast<int>(i);
  }

  // Whether anything changed.
  bool Run() {
    const int count = static_cast<int>(program_.instructions.size());
    for (int i = 0; i < count; ++i) replaced_.push_back(Rewrite(i));
    if (!changed_) return false;
    program_.instructions.resize(types_.size());
    for (Operand& output : program_.outputs) Resolve(output);
    for (State& state : program_.states) Resolve(state.next);
    return true;
  }

 private:
  void Resolve(Operand& operand) const {
    if (operand.kind == Operand::Kind::kInstruction) operand = replaced_[operand.index];
    if (operand.kind == Operand::Kind::kState && !leader_.empty()) {
      operand.index = leader_[operand.index];
    }
  }

  // What stands for old instruction `i`.
  Operand Rewrite(int i) {
    Instruction instruction = program_.instructions[i];
    if (changed_) {
      for (int k = 0; k < instruction.Arity(); ++k) Resolve(instruction.operands[k]);
    }
    while (true) {
      if (std::optional<double> value = FoldConstants(instruction)) {
        changed_ = true;
        return Operand::Constant(*value);
      }
      SortOperands(instruction);
      std::optional<Rewritten> rewritten =
          ApplyIdentity(instruction, OperandView(program_, types_));
      if (!rewritten) return Emit(instruction);
      changed_ = true;
      if (const Operand* operand = std::get_if<Operand>(&*rewritten)) return *operand;
      instruction = std::get<Instruction>(*rewritten);
    }
  }

  void SortOperands(Instruction& instruction) {
    if (!Info(instruction.op).traits.commutative) return;
    auto& operands = instruction.operands;
    if (!hashes_.Before(operands[1], operands[0])) return;
    std::swap(operands[0], operands[1]);
    changed_ = true;
  }

  Operand Emit(const Instruction& instruction) {
    const int index = static_cast<int>(types_.size());
    hashes_.Append(instruction);
    const uint64_t hash = hashes_.OfInstruction(index);
    const int found = emitted_.FindOrInsert(hash, index, [&](int other) {
      return hashes_.OfInstruction(other) == hash && program_.instructions[other] == instruction;
    });
    if (found != index) {
      changed_ = true;
      hashes_.Pop();
      return Operand::Instruction(found);
    }
    if (changed_) program_.instructions[index] = instruction;
    types_.push_back(TypeOf(instruction, OperandTypes(program_, instruction, types_)));
    return Operand::Instruction(index);
  }

  Program& program_;
  StructureHashes hashes_;
  bool changed_ = false;     // until then every old instruction stands for itself
  std::vector<int> leader_;  // empty if every state is its own
  absl::InlinedVector<AxisSet, kUsualStatements> types_;     // of the new instructions
  absl::InlinedVector<Operand, kUsualStatements> replaced_;  // by old instruction
  InstructionTable emitted_;
};

// Keeps what an output depends on, in an order that depends on structure alone: depth first from
// the outputs, then from the next values of the states in the order in which they were met.
class Compactor {
 public:
  explicit Compactor(Program& program)
      : program_(program),
        old_(std::exchange(program.instructions, {})),
        instruction_(old_.size(), -1),
        state_(program.states.size(), -1),
        hyper_(program.hypers.size(), -1) {
    program_.instructions.reserve(old_.size());
  }

  void Run() {
    for (const Operand& output : program_.outputs) Visit(output);
    for (size_t i = 0; i < met_.size(); ++i) Visit(program_.states[met_[i]].next);
    KeepMetStates();
    KeepUsedHypers();
    ForEachOperand(program_, [&](Operand& operand) {
      if (operand.kind == Operand::Kind::kInstruction) operand.index = instruction_[operand.index];
      if (operand.kind == Operand::Kind::kState) operand.index = state_[operand.index];
      if (operand.kind == Operand::Kind::kHyper) operand.index = hyper_[operand.index];
    });
  }

 private:
  // Marks what `operand` depends on. Depth is bounded by kMaxInstructions.
  void Visit(const Operand& operand) {
    if (operand.kind == Operand::Kind::kHyper) hyper_[operand.index] = 0;
    if (operand.kind == Operand::Kind::kState && state_[operand.index] < 0) {
      state_[operand.index] = static_cast<int>(met_.size());
      met_.push_back(operand.index);
    }
    if (operand.kind != Operand::Kind::kInstruction || instruction_[operand.index] >= 0) return;
    const Instruction& instruction = old_[operand.index];
    for (int i = 0; i < instruction.Arity(); ++i) Visit(instruction.operands[i]);
    instruction_[operand.index] = static_cast<int>(program_.instructions.size());
    program_.instructions.push_back(instruction);
  }

  void KeepMetStates() {
    std::vector<State> states;
    states.reserve(met_.size());
    for (int old : met_) states.push_back(std::move(program_.states[old]));
    program_.states = std::move(states);
  }

  void KeepUsedHypers() {
    int used = 0;
    for (size_t i = 0; i < hyper_.size(); ++i) {
      if (hyper_[i] < 0) continue;
      if (static_cast<int>(i) != used) program_.hypers[used] = std::move(program_.hypers[i]);
      hyper_[i] = used++;
    }
    program_.hypers.resize(used);
  }

  Program& program_;
  const std::vector<Instruction> old_;
  absl::InlinedVector<int, kUsualStatements> instruction_;  // new index by old, -1 while unmet
  absl::InlinedVector<int, kUsualStates> state_, hyper_;    // the same
  absl::InlinedVector<int, kUsualStates> met_;              // old states in new order
};

}  // namespace

Program Canonicalize(Program program) {
  program.name.clear();
  program.instruction_names.clear();
  for (State& state : program.states) state.name.clear();
  Compactor(program).Run();
  // Ends: a rewrite leaves fewer values, or simpler ops, or the order of its operands; what decides
  // on an order does not depend on it.
  while (Rewriter(program).Run()) Compactor(program).Run();
  return program;
}

CanonicalForm MakeCanonical(Program program) {
  CanonicalForm form;
  form.program = Canonicalize(std::move(program));
  form.text = Print(form.program);
  form.hash = HashBytes(form.text);
  return form;
}

}  // namespace lathe
