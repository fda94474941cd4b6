#include "dsl/structure_hash.h"

#include <bit>

namespace lathe {
namespace {

// The finalizer of MurmurHash3 over a running sum: fixed here because canonical texts hang on it.
uint64_t Mix(uint64_t state, uint64_t value) {
  uint64_t x = (state + 0x9e3779b97f4a7c15u) ^ (value * 0xbf58476d1ce4e5b9u);
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
  return x ^ (x >> 33);
}

uint64_t MixText(uint64_t state, std::string_view text) {
  for (unsigned char c : text) state = Mix(state, c);
  return Mix(state, text.size());
}

// What the hash of an instruction starts with: its axes and its op, by name since the numbers of
// the enum move when a row is added to the table.
uint64_t Start(const Instruction& instruction) {
  static const std::array<uint64_t, kOpCount> kWithoutAxes = [] {
    std::array<uint64_t, kOpCount> starts;
    for (Op op : AllOps()) starts[static_cast<size_t>(op)] = MixText(0, Info(op).name);
    return starts;
  }();
  if (instruction.over.Empty()) return kWithoutAxes[static_cast<size_t>(instruction.op)];
  return MixText(instruction.over.Bits(), Info(instruction.op).name);
}

}  // namespace

StructureHashes::StructureHashes(const Program& program) {
  instructions_.reserve(program.instructions.size());
  for (size_t i = 0; i < program.hypers.size(); ++i) {
    // Hypers of equal value are still different keywords: their order tells them apart.
    uint64_t rank = 0;
    for (size_t j = 0; j < i; ++j) rank += program.hypers[j] == program.hypers[i];
    hypers_.push_back(Mix(std::bit_cast<uint64_t>(program.hypers[i].value), rank));
  }
  for (const State& state : program.states) {
    uint64_t hash = Mix(state.axes.Bits(), state.start_from_input);
    states_.push_back(Mix(hash, std::bit_cast<uint64_t>(state.start)));
  }
  // As many rounds as there are states tell apart all states that ever differ.
  auto next = states_;
  for (size_t round = 0; round < program.states.size(); ++round) {
    instructions_.clear();
    for (const Instruction& instruction : program.instructions) Append(instruction);
    for (size_t i = 0; i < program.states.size(); ++i) {
      next[i] = Mix(states_[i], Of(program.states[i].next));
    }
    states_.swap(next);
  }
  instructions_.clear();
}

void StructureHashes::Append(const Instruction& instruction) {
  instructions_.push_back(Of(instruction));
}

uint64_t StructureHashes::Of(const Operand& operand) const {
  uint64_t kind = static_cast<uint64_t>(operand.kind);
  switch (operand.kind) {
    case Operand::Kind::kConstant: return Mix(kind, std::bit_cast<uint64_t>(operand.constant));
    case Operand::Kind::kInput: return Mix(kind, operand.index);
    case Operand::Kind::kHyper: return Mix(kind, hypers_[operand.index]);
    case Operand::Kind::kState: return Mix(kind, states_[operand.index]);
    case Operand::Kind::kInstruction: return Mix(kind, instructions_[operand.index]);
  }
  return 0;
}

uint64_t StructureHashes::Of(const Instruction& instruction) const {
  std::array<uint64_t, kMaxArity> operands = {};
  for (int i = 0; i < instruction.Arity(); ++i) operands[i] = Of(instruction.operands[i]);
  // The order of commutative operands follows from the hashes, so the hashes must not follow from
  // the order.
  if (Info(instruction.op).traits.commutative && operands[1] < operands[0]) {
    std::swap(operands[0], operands[1]);
  }
  uint64_t hash = Start(instruction);
  for (int i = 0; i < instruction.Arity(); ++i) hash = Mix(hash, operands[i]);
  if (Info(instruction.op).rule == TypeRule::contract) {
    for (AxisLabels labels : instruction.labels) hash = Mix(hash, labels);
  }
  return hash;
}

bool StructureHashes::Before(const Operand& a, const Operand& b) const {
  // Kinds are numbered with constants first; reading order wants them last.
  if (a.kind != b.kind) return a.kind > b.kind;
  return Of(a) < Of(b);
}

bool StructureHashes::SomeStatesMayBeEqual() const {
  for (size_t i = 0; i < states_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (states_[i] == states_[j]) return true;
    }
  }
  return false;
}

}  // namespace lathe
