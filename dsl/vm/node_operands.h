// A node and what it reads, for work that copies its operands first.
#ifndef LATHE_DSL_VM_NODE_OPERANDS_H_
#define LATHE_DSL_VM_NODE_OPERANDS_H_

#include <vector>

#include "dsl/vm/memory.h"

namespace lathe::vm {

struct NodeOperands {
  NodeOperands(const Program& program, const Lowered& lowered, int which, std::span<const Shape> of)
      : node(lowered.nodes[which]), index(which), shapes(of.begin(), of.end()) {
    for (int k = 0; k < node.arity; ++k) {
      types[k] = TypeOf(program, lowered.nodes, node.operands[k]);
    }
  }

  // The elements of operand `k` for one parameter, as floats or as doubles. Allocates only where
  // `to` has never been as long.
  template <typename T>
  void Copy(const Values& values, int k, int p, std::vector<T>& to) const {
    const Ref& ref = node.operands[k];
    const size_t count = static_cast<size_t>(shapes[p].Elements(types[k].Without({Axis::kP})));
    if (ref.kind == Ref::Kind::kConstant) {
      to.assign(1, static_cast<T>(ref.constant));
    } else if (IsNumberType(types[k])) {
      const double* from = values.NumbersOf(ref).At(p);
      to.assign(from, from + count);
    } else {
      const float* from = values.ArrayOf(ref, p);
      to.assign(from, from + count);
    }
  }

  const Node& node;
  const int index;
  const std::vector<Shape> shapes;
  std::array<AxisSet, kMaxOperands> types;
};

}  // namespace lathe::vm

#endif  // LATHE_DSL_VM_NODE_OPERANDS_H_
