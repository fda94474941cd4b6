#include "dsl/vm/singles.h"

#include <algorithm>

#include "dsl/loops.h"

namespace lathe::vm {
namespace {

using Kind = Node::Kind;

// Copies what the loops reach of operand `which`, in their order.
void Pack(std::span<const Loop> loops, int which, std::span<const float> from,
          std::vector<float>& to) {
  to.clear();
  RunLoops(loops, [&](int64_t a, int64_t b, int64_t) { to.push_back(from[which == 0 ? a : b]); });
}

int64_t Count(std::span<const Loop> loops) {
  int64_t count = 1;
  for (const Loop& loop : loops) count *= loop.extent;
  return count;
}

}  // namespace

Single::Single(const Program& program, const Lowered& lowered, int node, const Kernels& kernels,
               std::span<const Shape> shapes)
    : lowered_(lowered),
      index_(node),
      node_(lowered.nodes[node]),
      kernels_(kernels),
      shapes_(shapes.begin(), shapes.end()) {
  for (int k = 0; k < node_.arity; ++k) {
    types_[k] = TypeOf(program, lowered.nodes, node_.operands[k]);
  }
  if (node_.kind != Kind::kNumber) return;
  for (int k = 0; k < node_.arity; ++k) {
    if (types_[k].Empty()) {
      operands_[k].one_for_all = true;
    } else if (!(types_[k] == node_.type)) {
      ForEachElement(node_.type, types_[k], shapes_[0], [&](int64_t, int64_t place) {
        operands_[k].places.push_back(static_cast<int>(place));
      });
    }
  }
}

void Single::Run(Memory& memory, NodeMemory& nodes) {
  switch (node_.kind) {
    case Kind::kNumber: return RunNumber(memory, nodes);
    case Kind::kReduceNumbers: return RunReduceNumbers(memory, nodes);
    case Kind::kEinsum: return RunEinsum(memory, nodes);
    case Kind::kTranspose: return RunTranspose(memory, nodes);
    default: return;
  }
}

const std::vector<int>& Single::Positions(const Memory& memory) const {
  static const std::vector<int> kFirst = {0};
  return node_.type.Has(Axis::kP) ? memory.active : kFirst;
}

void Single::RunNumber(Memory& memory, NodeMemory& nodes) {
  if (fixed_) return;
  const Values values(memory, nodes);
  Numbers& out = nodes.numbers[index_];
  reference::Lanes lanes;
  bool constants_alone = true;
  for (int k = 0; k < node_.arity; ++k) {
    const Ref& ref = node_.operands[k];
    if (ref.kind == Ref::Kind::kConstant) {
      lanes[k] = {&ref.constant, 0};
      continue;
    }
    constants_alone = false;
    const double* data = values.NumbersOf(ref).At(0);
    lanes[k] = {data, operands_[k].one_for_all ? 0 : 1};
    if (operands_[k].places.empty()) continue;
    numbers_[k].clear();
    for (int place : operands_[k].places) numbers_[k].push_back(data[place]);
    lanes[k].data = numbers_[k].data();
  }
  reference::ApplyElementwise(static_cast<Op>(node_.code), static_cast<int64_t>(out.Size()), lanes,
                              out.Data());
  out.Round();
  fixed_ = constants_alone;
}

void Single::RunReduceNumbers(Memory& memory, NodeMemory& nodes) {
  static const std::vector<int> kFirst = {0};
  const Values values(memory, nodes);
  Numbers& out = nodes.numbers[index_];
  std::vector<std::array<std::vector<double>, 2>> groups(node_.type.Has(Axis::kP) ? 1 : out.Size());
  auto finish = [&](int start) {
    for (size_t i = 0; i < groups.size(); ++i) {
      const double moment = reference::ReduceGroup(node_.op, groups[i][0], groups[i][1]);
      out.Set(start + i, reference::FinishMoment(node_.op, moment));
      for (std::vector<double>& group : groups[i]) group.clear();
    }
  };
  for (int p : node_.all.Has(Axis::kP) ? memory.active : kFirst) {
    for (int k = 0; k < node_.arity; ++k) {
      CopyOperand(values, k, p, numbers_[k]);
      const AxisSet all = node_.all.Without({Axis::kP});
      const AxisSet of = types_[k].Without({Axis::kP}), to = node_.type.Without({Axis::kP});
      std::vector<int64_t> places;
      ForEachElement(all, of, shapes_[p], [&](int64_t, int64_t place) { places.push_back(place); });
      ForEachElement(all, to, shapes_[p], [&](int64_t i, int64_t place) {
        groups[place][k].push_back(numbers_[k][places[i]]);
      });
    }
    if (node_.type.Has(Axis::kP)) finish(p);
  }
  if (!node_.type.Has(Axis::kP)) finish(0);
}

template <typename T>
void Single::CopyOperand(const Values& values, int k, int p, std::vector<T>& to) const {
  const Ref& ref = node_.operands[k];
  const size_t count = static_cast<size_t>(shapes_[p].Elements(types_[k].Without({Axis::kP})));
  if (ref.kind == Ref::Kind::kConstant) {
    to.assign(1, static_cast<T>(ref.constant));
  } else if (IsNumberType(types_[k])) {
    const double* from = values.NumbersOf(ref).At(p);
    to.assign(from, from + count);
  } else {
    const float* from = values.ArrayOf(ref, p);
    to.assign(from, from + count);
  }
}

void Single::RunEinsum(Memory& memory, NodeMemory& nodes) {
  const Values values(memory, nodes);
  for (int p : Positions(memory)) {
    if (IsNumberType(node_.type)) {
      NumbersFromEinsum(values, nodes, p);
    } else {
      MatrixFromEinsum(values, nodes, p);
    }
  }
}

// The loops over all labels, sorted by whether the result, and both operands, have them: batch,
// rows, columns, and what is summed over.
struct EinsumLoops {
  std::vector<Loop> batch, rows, cols, inner;
};

static EinsumLoops LoopsOf(const Node& node, const std::array<AxisSet, kMaxOperands>& types,
                           const Shape& shape) {
  std::array<Strides, 2> moves = {};
  std::array<AxisSet, 2> labels;
  for (int i = 0; i < 2; ++i) {
    const Strides strides = StridesOf(types[i], shape);
    ForEachAxis(types[i].Without({Axis::kP}), [&](Axis axis) {
      const Axis label = LabelOf(axis, node.labels[i]);
      moves[i][static_cast<size_t>(label)] = strides[static_cast<size_t>(axis)];
      labels[i] = labels[i].With({label});
    });
  }
  const Strides result = StridesOf(node.type, shape);
  EinsumLoops loops;
  ForEachAxis(labels[0].With(labels[1]), [&](Axis label) {
    const size_t i = static_cast<size_t>(label);
    const Loop loop{shape.Extent(label), {moves[0][i], moves[1][i], result[i]}};
    if (!node.type.Has(label)) {
      loops.inner.push_back(loop);
    } else if (labels[0].Has(label) && labels[1].Has(label)) {
      loops.batch.push_back(loop);
    } else {
      (labels[0].Has(label) ? loops.rows : loops.cols).push_back(loop);
    }
  });
  return loops;
}

static std::vector<Loop> Joined(std::initializer_list<const std::vector<Loop>*> parts) {
  std::vector<Loop> all;
  for (const std::vector<Loop>* part : parts) all.insert(all.end(), part->begin(), part->end());
  return all;
}

// Few numbers of many products each: in double, one product after the other.
void Single::NumbersFromEinsum(const Values& values, NodeMemory& nodes, int p) {
  const EinsumLoops loops = LoopsOf(node_, types_, shapes_[p]);
  for (int k = 0; k < 2; ++k) CopyOperand(values, k, p, numbers_[k]);
  Numbers& out = nodes.numbers[index_];
  const size_t start = node_.type.Has(Axis::kP) ? p : 0;
  const size_t count = node_.type.Has(Axis::kP) ? 1 : out.Size();
  for (size_t i = 0; i < count; ++i) out.Data()[start + i] = 0;
  RunLoops(Joined({&loops.batch, &loops.rows, &loops.cols, &loops.inner}),
           [&](int64_t a, int64_t b, int64_t c) {
             out.Data()[start + c] += numbers_[0][a] * numbers_[1][b];
           });
  out.Round();
}

void Single::MatrixFromEinsum(const Values& values, NodeMemory& nodes, int p) {
  const EinsumLoops loops = LoopsOf(node_, types_, shapes_[p]);
  for (int k = 0; k < 2; ++k) CopyOperand(values, k, p, floats_[k]);
  Pack(Joined({&loops.batch, &loops.rows, &loops.inner}), 0, floats_[0], left_);
  Pack(Joined({&loops.batch, &loops.inner, &loops.cols}), 1, floats_[1], right_);
  const int64_t rows = Count(loops.rows), cols = Count(loops.cols), inner = Count(loops.inner);
  const int64_t batch = Count(loops.batch);
  product_.assign(batch * rows * cols, 0.0f);
  for (int64_t i = 0; i < batch; ++i) {
    kernels_.multiply(rows, cols, inner, left_.data() + i * rows * inner, inner,
                      right_.data() + i * inner * cols, cols, product_.data() + i * rows * cols,
                      cols);
  }
  std::span<float> to = nodes.tensors[index_].At(p);
  size_t next = 0;
  RunLoops(Joined({&loops.batch, &loops.rows, &loops.cols}),
           [&](int64_t, int64_t, int64_t place) { to[place] = product_[next++]; });
}

void Single::RunTranspose(Memory& memory, NodeMemory& nodes) {
  const Values values(memory, nodes);
  for (int p : Positions(memory)) {
    const Strides own = StridesOf(node_.type, shapes_[p]);
    Strides swapped = own;
    auto swap = [&](Axis a, Axis b) {
      if (node_.type.Contains({a, b})) {
        std::swap(swapped[static_cast<size_t>(a)], swapped[static_cast<size_t>(b)]);
      }
    };
    swap(Axis::kR, Axis::kR1);
    swap(Axis::kC, Axis::kC1);
    std::vector<Loop> loops;
    ForEachAxis(node_.type.Without({Axis::kP}), [&](Axis axis) {
      const size_t i = static_cast<size_t>(axis);
      loops.push_back({shapes_[p].Extent(axis), {own[i], swapped[i], 0}});
    });
    const float* from = values.ArrayOf(node_.operands[0], p);
    std::span<float> to = nodes.tensors[index_].At(p);
    RunLoops(loops, [&](int64_t i, int64_t j, int64_t) { to[i] = from[j]; });
  }
}

}  // namespace lathe::vm
