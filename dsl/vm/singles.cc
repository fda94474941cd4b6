#include "dsl/vm/singles.h"

#include <vector>

#include "dsl/loops.h"
#include "dsl/reference/lanes.h"
#include "dsl/vm/node_operands.h"

namespace lathe::vm {
namespace {

// An elementwise op on numbers.
class NumberSingle : public Single {
 public:
  explicit NumberSingle(NodeOperands operands) : operands_(std::move(operands)) {
    const Node& node = operands_.node;
    for (int k = 0; k < node.arity; ++k) {
      const AxisSet type = operands_.types[k];
      reads_[k].one_for_all = type.Empty();
      if (type.Empty() || type == node.type) continue;
      ForEachElement(node.type, type, operands_.shapes[0], [&](int64_t, int64_t place) {
        reads_[k].places.push_back(static_cast<int>(place));
      });
    }
  }

  void Run(Memory& memory, NodeMemory& nodes) override {
    if (fixed_) return;
    const Values values(memory, nodes);
    const Node& node = operands_.node;
    Numbers& out = nodes.numbers[operands_.index];
    reference::Lanes lanes;
    bool constants_alone = true;
    for (int k = 0; k < node.arity; ++k) {
      const Ref& ref = node.operands[k];
      if (ref.kind == Ref::Kind::kConstant) {
        lanes[k] = {&ref.constant, 0};
        continue;
      }
      constants_alone = false;
      const double* data = values.NumbersOf(ref).At(0);
      lanes[k] = {data, reads_[k].one_for_all ? 0 : 1};
      if (reads_[k].places.empty()) continue;
      numbers_[k].clear();
      for (int place : reads_[k].places) numbers_[k].push_back(data[place]);
      lanes[k].data = numbers_[k].data();
    }
    reference::ApplyElementwise(static_cast<Op>(node.code), static_cast<int64_t>(out.Size()), lanes,
                                out.Data());
    out.Round();
    fixed_ = constants_alone;
  }

 private:
  // By element of the result the place in an operand; empty if that has one number for all, or one
  // for each.
  struct Reads {
    bool one_for_all = false;
    std::vector<int> places;
  };

  const NodeOperands operands_;
  std::array<Reads, kMaxArity> reads_;
  bool fixed_ = false;  // of constants alone, and computed
  std::array<std::vector<double>, kMaxArity> numbers_;
};

// A reduction of numbers: over P, or over the channels of a layer. Which number falls into which
// group is the same for every parameter, since numbers have no axis along which shapes differ.
class NumberReduction : public Single {
 public:
  explicit NumberReduction(NodeOperands operands) : operands_(std::move(operands)) {
    const Node& node = operands_.node;
    const Shape& shape = operands_.shapes[0];
    const AxisSet all = node.all.Without({Axis::kP});
    ForEachElement(all, node.type.Without({Axis::kP}), shape,
                   [&](int64_t, int64_t group) { group_of_.push_back(group); });
    for (int k = 0; k < node.arity; ++k) {
      ForEachElement(all, operands_.types[k].Without({Axis::kP}), shape,
                     [&](int64_t, int64_t place) { places_[k].push_back(place); });
    }
    groups_.resize(shape.Elements(node.type.Without({Axis::kP})));
  }

  void Run(Memory& memory, NodeMemory& nodes) override {
    const Values values(memory, nodes);
    const Node& node = operands_.node;
    Numbers& out = nodes.numbers[operands_.index];
    const bool each = node.type.Has(Axis::kP);
    for (int p : memory.PositionsOf(node.all)) {
      for (int k = 0; k < node.arity; ++k) {
        operands_.Copy(values, k, p, numbers_[k]);
        for (size_t i = 0; i < group_of_.size(); ++i) {
          groups_[group_of_[i]][k].push_back(numbers_[k][places_[k][i]]);
        }
      }
      if (each) Finish(out, p);
    }
    if (!each) Finish(out, 0);
  }

 private:
  // The groups make the numbers from `start` on, and are empty afterwards.
  void Finish(Numbers& out, size_t start) {
    const Op op = operands_.node.op;
    for (size_t i = 0; i < groups_.size(); ++i) {
      const double moment = reference::ReduceGroup(op, groups_[i][0], groups_[i][1]);
      out.Set(start + i, reference::FinishMoment(op, moment));
      for (std::vector<double>& group : groups_[i]) group.clear();
    }
  }

  const NodeOperands operands_;
  std::vector<int64_t> group_of_;               // by element of all
  std::array<std::vector<int64_t>, 2> places_;  // by element of all, in an operand
  std::vector<std::array<std::vector<double>, 2>> groups_;
  std::array<std::vector<double>, 2> numbers_;
};

}  // namespace

std::unique_ptr<Single> MakeSingle(const Program& program, const Lowered& lowered, int node,
                                   const Kernels& kernels, std::span<const Shape> shapes) {
  const NodeOperands operands(program, lowered, node, shapes);
  switch (operands.node.kind) {
    case Node::Kind::kReduceNumbers: return std::make_unique<NumberReduction>(operands);
    case Node::Kind::kEinsum: return MakeEinsum(program, lowered, node, kernels, shapes);
    case Node::Kind::kTranspose: return MakeTranspose(program, lowered, node, shapes);
    default: return std::make_unique<NumberSingle>(operands);
  }
}

}  // namespace lathe::vm
