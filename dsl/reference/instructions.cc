// How each kind of op runs: gather what it reads, compute, no tricks.
#include <algorithm>
#include <cmath>

#include "dsl/kernels.h"
#include "dsl/loops.h"
#include "dsl/reference/execution.h"

namespace lathe::reference {

Lane ReferenceExecution::LaneOf(const Operand& operand, AxisSet type, int parameter,
                                std::vector<double>& scratch, double exact_up_to) {
  const AxisSet own = TypeOf(operand).Without({Axis::kP});
  const std::span<const double> data = DataOf(operand, parameter);
  const bool meets_tensor = own.Within(kElementAxes).Empty() && !type.Within(kElementAxes).Empty();
  const bool rounds = RoundsToFloat() && meets_tensor;
  if (own == type.Without({Axis::kP})) return {data.data(), 1};
  if (own.Empty() && !rounds) return {data.data(), 0};
  scratch.clear();
  ForEachElement(type, own, shapes_[parameter], [&](int64_t, int64_t place) {
    const bool exact = !rounds || std::fabs(data[place]) <= exact_up_to;
    scratch.push_back(exact ? data[place] : static_cast<float>(data[place]));
  });
  return {scratch.data(), 1};
}

AxisSet ReferenceExecution::UnionOf(const Instruction& instruction) const {
  AxisSet all;
  for (int i = 0; i < instruction.Arity(); ++i) all = all.With(TypeOf(instruction.operands[i]));
  return all;
}

void ReferenceExecution::Run(size_t index, const Parameters& active, bool training) {
  const Instruction& instruction = program_.instructions[index];
  Value& out = results_[index];
  switch (Info(instruction.op).rule) {
    case TypeRule::elementwise: RunElementwise(instruction, out, active); break;
    case TypeRule::reduce_over:
    case TypeRule::reduce_elements:
    case TypeRule::reduce_model: RunReduction(index, active, training); break;
    case TypeRule::normalize_over: RunNormalizeOver(instruction, out, active); break;
    case TypeRule::normalize_model: RunNormalizeModel(instruction, out, active); break;
    case TypeRule::contract: RunEinsum(instruction, out, active); break;
    case TypeRule::swap: RunTranspose(instruction, out, active); break;
  }
  if (ComputesInFloat()) CoarsenTotals(instruction, out, active);
  if (RoundsToFloat()) Round(out, active);
  if (rounding_ == Rounding::kMoved) Move(instruction, out, active);
}

void ReferenceExecution::RunElementwise(const Instruction& instruction, Value& out,
                                        const Parameters& active) {
  const bool in_float = ComputesInFloat() && !out.Type().Within(kElementAxes).Empty();
  std::vector<double> overflows;
  for (int p : PositionsOf(out.Type(), active)) {
    Lanes lanes;
    for (int i = 0; i < instruction.Arity(); ++i) {
      const bool mixes = instruction.op == Op::lerp && i == 2;
      lanes[i] = LaneOf(instruction.operands[i], out.Type(), p, scratch_[i],
                        mixes ? kernels::kLargestMix : 0);
    }
    std::span<double> to = out.At(p);
    const int64_t count = static_cast<int64_t>(to.size());
    if (!in_float) {
      ApplyElementwise(instruction.op, count, lanes, to.data());
    } else if (instruction.op != Op::lerp) {
      ApplyElementwiseInFloat(instruction.op, count, lanes, to.data());
    } else {
      // A lerp of tensors mixes by a double wherever it is computed, and overflows as a float.
      overflows.resize(to.size());
      ApplyElementwiseInFloat(instruction.op, count, lanes, overflows.data());
      ApplyElementwise(instruction.op, count, lanes, to.data());
      for (size_t i = 0; i < to.size(); ++i) {
        if (!std::isfinite(overflows[i])) to[i] = overflows[i];
      }
    }
  }
}

void ReferenceExecution::RunReduction(size_t index, const Parameters& active, bool training) {
  const Instruction& instruction = program_.instructions[index];
  Value& out = results_[index];
  const auto buffer = std::ranges::find(buffers_, static_cast<int>(index), &Buffer::instruction);
  const bool buffered = buffer != buffers_.end();
  const AxisSet all = UnionOf(instruction);
  // The groups of numbers that become one each, by place in the result.
  std::vector<std::array<std::vector<double>, 2>> groups;
  auto finish = [&](int p) {
    for (size_t k = 0; k < groups.size(); ++k) {
      double moment = ReduceGroup(instruction.op, groups[k][0], groups[k][1]);
      if (buffered) {
        double& kept = buffer_values_[buffer - buffers_.begin()].At(0)[k];
        kept = (1 - kBufferMomentum) * kept + kBufferMomentum * moment;
      }
      out.At(p)[k] = FinishMoment(instruction.op, moment);
    }
    groups.clear();
  };
  if (buffered && !training) {
    std::span<const double> kept = buffer_values_[buffer - buffers_.begin()].At(0);
    for (size_t k = 0; k < kept.size(); ++k) out.At(0)[k] = FinishMoment(instruction.op, kept[k]);
    return;
  }
  for (int p : PositionsOf(all, active)) {
    groups.resize(out.At(p).size());
    for (int i = 0; i < instruction.Arity(); ++i) {
      const Lane lane = LaneOf(instruction.operands[i], all, p, scratch_[i]);
      ForEachElement(all, out.Type(), shapes_[p], [&](int64_t from, int64_t to) {
        groups[to][i].push_back(lane.data[from * lane.stride]);
      });
    }
    if (out.Type().Has(Axis::kP)) finish(p);
  }
  if (!out.Type().Has(Axis::kP)) finish(0);
}

void ReferenceExecution::RunNormalizeOver(const Instruction& instruction, Value& out,
                                          const Parameters& active) {
  const AxisSet kept =
      instruction.over.Has(Axis::kP) ? AxisSet{} : out.Type().Without(instruction.over);
  std::vector<std::vector<double>> groups;
  // Back to where they came from, in the same order.
  auto scatter = [&](const Parameters& positions) {
    for (std::vector<double>& group : groups) NormalizeGroup(instruction.op, group);
    std::vector<size_t> taken(groups.size(), 0);
    for (int p : positions) {
      ForEachElement(out.Type(), kept, shapes_[p],
                     [&](int64_t from, int64_t to) { out.At(p)[from] = groups[to][taken[to]++]; });
    }
    groups.clear();
  };
  const Parameters& positions = PositionsOf(out.Type(), active);
  for (int p : positions) {
    std::span<const double> data = DataOf(instruction.operands[0], p);
    groups.resize(shapes_[p].Elements(kept));
    ForEachElement(out.Type(), kept, shapes_[p],
                   [&](int64_t from, int64_t to) { groups[to].push_back(data[from]); });
    if (!instruction.over.Has(Axis::kP)) scatter({p});
  }
  if (instruction.over.Has(Axis::kP)) scatter(positions);
}

void ReferenceExecution::RunNormalizeModel(const Instruction& instruction, Value& out,
                                           const Parameters& active) {
  const Operand& a = instruction.operands[0];
  std::vector<double> all;
  for (int p : PositionsOf(TypeOf(a), active)) {
    std::span<const double> data = DataOf(a, p);
    all.insert(all.end(), data.begin(), data.end());
  }
  double squares = kernels::norm::Reduce(all);
  if (ComputesInFloat()) squares = static_cast<float>(squares);
  const double norm = std::sqrt(squares);
  for (int p : PositionsOf(out.Type(), active)) {
    const Lane value = LaneOf(a, out.Type(), p, scratch_[0]);
    const Lane bound = LaneOf(instruction.operands[1], out.Type(), p, scratch_[1]);
    std::span<double> to = out.At(p);
    for (size_t i = 0; i < to.size(); ++i) {
      to[i] = value.data[i * value.stride] *
              kernels::clip_by_global_norm::Factor(norm, bound.data[i * bound.stride]);
    }
  }
}

ReferenceExecution::EinsumOperand ReferenceExecution::EinsumOperandOf(
    const Instruction& instruction, int which, const Value& out, int parameter,
    std::vector<double>& scratch) const {
  const std::array types = {TypeOf(instruction.operands[0]), TypeOf(instruction.operands[1])};
  const AxisSet type = types[which];
  const AxisSet kept = type.Without(AxesSummedAlone(instruction, types, which));
  const std::span<const double> data = DataOf(instruction.operands[which], parameter);
  const auto is_tensor = [](AxisSet of) { return !of.Within(kElementAxes).Empty(); };
  const bool rounds = kept == type ? RoundsToFloat() && is_tensor(out.Type())
                                   : ComputesInFloat() && is_tensor(type);
  if (kept == type && (!rounds || is_tensor(type))) return {type, data};
  scratch.assign(static_cast<size_t>(shapes_[parameter].Elements(kept.Without({Axis::kP}))), 0.0);
  ForEachElement(type, kept, shapes_[parameter],
                 [&](int64_t from, int64_t to) { scratch[to] += data[from]; });
  for (double& x : scratch) x = rounds ? static_cast<float>(x) : x;
  return {kept, scratch};
}

void ReferenceExecution::RunEinsum(const Instruction& instruction, Value& out,
                                   const Parameters& active) {
  for (int p : PositionsOf(out.Type(), active)) {
    const Shape& shape = shapes_[p];
    std::array<EinsumOperand, 2> operands;
    // By label, how far each operand and the result move.
    std::array<Strides, 3> moves = {};
    AxisSet labels;
    for (int i = 0; i < 2; ++i) {
      operands[i] = EinsumOperandOf(instruction, i, out, p, scratch_[i]);
      const Strides strides = StridesOf(operands[i].type, shape);
      ForEachAxis(operands[i].type, [&](Axis axis) {
        const Axis label = LabelOf(axis, instruction.labels[i]);
        moves[i][static_cast<size_t>(label)] = strides[static_cast<size_t>(axis)];
        labels = labels.With({label});
      });
    }
    moves[2] = StridesOf(out.Type(), shape);
    std::vector<Loop> loops;
    ForEachAxis(labels.Without({Axis::kP}), [&](Axis label) {
      const size_t i = static_cast<size_t>(label);
      loops.push_back({shape.Extent(label), {moves[0][i], moves[1][i], moves[2][i]}});
    });
    const std::span<const double> left = operands[0].data, right = operands[1].data;
    std::span<double> to = out.At(p);
    std::ranges::fill(to, 0.0);
    RunLoops(loops, [&](int64_t i, int64_t j, int64_t k) { to[k] += left[i] * right[j]; });
  }
}

void ReferenceExecution::RunTranspose(const Instruction& instruction, Value& out,
                                      const Parameters& active) {
  const AxisSet type = out.Type();
  for (int p : PositionsOf(type, active)) {
    Strides strides = StridesOf(type, shapes_[p]);
    const Strides own = strides;
    auto swap = [&](Axis a, Axis b) {
      if (!type.Has(a) || !type.Has(b)) return;
      std::swap(strides[static_cast<size_t>(a)], strides[static_cast<size_t>(b)]);
    };
    swap(Axis::kR, Axis::kR1);
    swap(Axis::kC, Axis::kC1);
    std::vector<Loop> loops;
    ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) {
      const size_t i = static_cast<size_t>(axis);
      loops.push_back({shapes_[p].Extent(axis), {own[i], strides[i], 0}});
    });
    std::span<const double> data = DataOf(instruction.operands[0], p);
    std::span<double> to = out.At(p);
    RunLoops(loops, [&](int64_t i, int64_t j, int64_t) { to[i] = data[j]; });
  }
}

}  // namespace lathe::reference
