// Hashes of what values compute, whatever the order in which a program happens to list them. They
// give commutative operands an order that is part of the canonical form and so of the language's
// version: a change here changes canonical texts.
#ifndef LATHE_DSL_STRUCTURE_HASH_H_
#define LATHE_DSL_STRUCTURE_HASH_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "dsl/program.h"

namespace lathe {

class StructureHashes {
 public:
  // Looks at the hypers and the states of `program`, and at its instructions to tell states apart.
  // Instructions that are to be ordered are given to Append.
  explicit StructureHashes(const Program& program);

  // The next instruction, whose operands are given ones.
  void Append(const Instruction& instruction);
  // Takes back the last one.
  void Pop() { instructions_.pop_back(); }

  // A strict order of operands that does not depend on indices: results, states, inputs, hypers,
  // constants; within one kind by hash.
  bool Before(const Operand& a, const Operand& b) const;

  // Of an instruction that was given. Equal instructions have equal hashes.
  uint64_t OfInstruction(int index) const { return instructions_[index]; }
  // Whether two states may be equal at every step; if not, no two are.
  bool SomeStatesMayBeEqual() const;

 private:
  uint64_t Of(const Operand& operand) const;
  uint64_t Of(const Instruction& instruction) const;

  absl::InlinedVector<uint64_t, 8> hypers_, states_;
  absl::InlinedVector<uint64_t, 48> instructions_;
};

}  // namespace lathe

#endif  // LATHE_DSL_STRUCTURE_HASH_H_
