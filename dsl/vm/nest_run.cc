#include "dsl/vm/nest_run.h"

#include <algorithm>
#include <cmath>

#include "dsl/kernels.h"

namespace lathe::vm {
namespace {

// Registers do not lie a multiple of 4096 bytes apart, which would make the machine wait.
constexpr int64_t kRegisterStride = kBlock + 32;
// Shorter runs are not worth a pass over the bytecode each.
constexpr int64_t kShortestRun = 64;
// Between these a reciprocal and its product are as exact as a division.
constexpr double kSmallestDivisor = 0x1p-120, kLargestDivisor = 0x1p120;

bool IsSafeDivisor(double reciprocal) {
  const double size = std::fabs(reciprocal);
  const bool same_anyway = !(size > 0) || std::isinf(size);  // of 0, infinity and NaN
  return same_anyway || (size > kSmallestDivisor && size < kLargestDivisor);
}

bool IsSafeMix(double c) {
  return !(std::fabs(c) > kernels::kLargestMix);
}

}  // namespace

NestRun::NestRun(const Program& program, const Lowered& lowered, const Schedule& schedule,
                 const Nest& nest, const Kernels& kernels, std::span<const Shape> shapes)
    : lowered_(lowered),
      kernels_(kernels),
      fast_(CompileNest(program, lowered, schedule, nest, false)) {
  for (int node : nest.nodes) {
    const int reciprocal = lowered.nodes[node].reciprocal;
    if (reciprocal >= 0) reciprocals_.push_back(reciprocal);
    if (lowered.nodes[node].code == Code::lerp_by) {
      mixes_.push_back(lowered.nodes[node].operands[2]);
    }
  }
  // Needed where something divides by numbers or mixes by them.
  const bool has_exact = !reciprocals_.empty() || !mixes_.empty();
  if (has_exact) exact_ = CompileNest(program, lowered, schedule, nest, true);
  std::vector<Shape> known;
  for (const Shape& shape : nest.domain.Has(Axis::kP) ? shapes : shapes.first(1)) {
    auto found = std::ranges::find(known, shape);
    shape_of_.push_back(static_cast<int>(found - known.begin()));
    if (found != known.end()) continue;
    known.push_back(shape);
    shaped_.push_back({MakeShaped(fast_, shape), has_exact ? MakeShaped(exact_, shape) : Shaped()});
  }
  const size_t slots = std::max(fast_.slots.size(), exact_.slots.size());
  const int registers = std::max(fast_.registers, exact_.registers);
  // An expanded operand has a register of its own; sinks have two for operands that do not move.
  scratch_ = Floats((registers + slots + 2) * kRegisterStride);
  current_.resize(slots);
  for (size_t p = 0; p < shape_of_.size(); ++p) {
    std::array<Places, 2>& both = places_.emplace_back();
    for (Places& places : both) {
      places.base.resize(slots);
      places.current.resize(slots);
    }
  }
  totals_.resize(fast_.sinks.size());
}

NestRun::Shaped NestRun::MakeShaped(const NestCode& code, const Shape& shape) const {
  Shaped shaped;
  shaped.code = &code;
  const AxisSet domain = code.domain;
  shaped.walks.resize(code.slots.size());
  for (const Slot& slot : code.slots) {
    shaped.constants.push_back(static_cast<float>(slot.ref.constant));
  }
  shaped.modes.resize(code.slots.size());
  shaped.total = shape.Elements(domain.Without({Axis::kP}));
  shaped.run = shaped.total;
  for (size_t i = 0; i < code.slots.size(); ++i) {
    shaped.walks[i] = Walk(domain, code.slots[i].type.Without({Axis::kP}), shape);
    const Walk& walk = shaped.walks[i];
    if (!walk.IsFixed() && !walk.IsFull()) shaped.run = std::min(shaped.run, walk.InnerRun());
  }
  const bool in_runs = shaped.run >= kShortestRun;
  for (size_t i = 0; i < code.slots.size(); ++i) {
    const Walk& walk = shaped.walks[i];
    Mode& mode = shaped.modes[i];
    bool moves = false;
    walk.ForEachSegment(0, 1, [&](int64_t, int64_t, int64_t, bool m, bool) { moves = m; });
    if (code.slots[i].kind == Slot::Kind::kRegister) {
      mode = Mode::kRegister;
    } else if (walk.IsFixed()) {
      mode = Mode::kFixed;
    } else if (walk.IsFull()) {
      mode = Mode::kFull;
    } else {
      mode = !in_runs ? Mode::kExpand : moves ? Mode::kRunMoves : Mode::kRunFixed;
    }
    if (mode != Mode::kRegister && mode != Mode::kFixed)
      shaped.moving.push_back(static_cast<int>(i));
  }
  if (!in_runs) shaped.run = shaped.total;
  for (const BlockOp& op : code.ops) {
    int mask = 0;
    for (int k = 0; k < op.arity; ++k) {
      const Mode mode = shaped.modes[op.operands[k]];
      if (mode == Mode::kFixed || mode == Mode::kRunFixed) mask |= 1 << k;
    }
    shaped.loops.push_back(kernels_.elementwise[static_cast<size_t>(op.code)][mask]);
  }
  for (const Sink& sink : code.sinks) {
    const AxisSet type = lowered_.nodes[sink.node].type.Without({Axis::kP});
    shaped.sink_walks.emplace_back(domain, type, shape);
  }
  return shaped;
}

bool NestRun::NeedsExact(const Values& values, int p) const {
  const auto all_are = [&](const Ref& ref, bool (*good)(double)) {
    if (ref.kind == Ref::Kind::kConstant) return good(ref.constant);
    const Numbers& numbers = values.NumbersOf(ref);
    const size_t count = numbers.Type().Has(Axis::kP) ? 1 : numbers.Size();
    return std::all_of(numbers.At(p), numbers.At(p) + count, good);
  };
  for (int node : reciprocals_) {
    if (!all_are(Ref::Node(node), IsSafeDivisor)) return true;
  }
  for (const Ref& ref : mixes_) {
    if (!all_are(ref, IsSafeMix)) return true;
  }
  return false;
}

void NestRun::PrepareSlots(const Shaped& shaped, Memory& memory, NodeMemory& nodes, int p,
                           Places& places) {
  const Values values(memory, nodes);
  const std::vector<Slot>& slots = shaped.code->slots;
  float* expanded = scratch_.Data() + shaped.code->registers * kRegisterStride;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    float*& base = places.base[i];
    switch (slot.kind) {
      case Slot::Kind::kRegister: base = scratch_.Data() + slot.index * kRegisterStride; break;
      case Slot::Kind::kNext: base = memory.state_tensors[slot.index].At(p).data(); break;
      case Slot::Kind::kOutput: {
        const auto& arrays = memory.output_arrays[slot.index];
        base = arrays[arrays.size() == 1 ? 0 : p];
        break;
      }
      case Slot::Kind::kValue:
        if (slot.ref.kind == Ref::Kind::kConstant) {
          base = const_cast<float*>(&shaped.constants[i]);
        } else if (IsNumberType(slot.type)) {
          base = const_cast<float*>(values.NumbersOf(slot.ref).FloatsAt(p));
        } else {
          base = const_cast<float*>(values.ArrayOf(slot.ref, p));
        }
    }
    const bool expands = shaped.modes[i] == Mode::kExpand;
    places.current[i] = expands ? expanded + i * kRegisterStride : base;
  }
  places.version = memory.arrays_version;
}

void NestRun::Run(Memory& memory, NodeMemory& nodes) {
  const Values values(memory, nodes);
  bool first = true;
  for (int p : memory.PositionsOf(fast_.domain)) {
    const bool exact = NeedsExact(values, p);
    const Shaped& shaped = shaped_[shape_of_[p]][exact];
    Places& places = places_[p][exact];
    if (places.version != memory.arrays_version) PrepareSlots(shaped, memory, nodes, p, places);
    base_ = places.base.data();
    std::ranges::copy(places.current, current_.begin());
    for (size_t s = 0; s < totals_.size(); ++s) {
      const Node& node = lowered_.nodes[shaped.code->sinks[s].node];
      const bool anew = first || node.type.Has(Axis::kP);
      const size_t size = memory.shapes[p].Elements(node.type.Without({Axis::kP}));
      if (anew) StartTotals(s, size);
      totals_[s].count += static_cast<double>(shaped.total) / static_cast<double>(size);
    }
    RunParameter(shaped, memory, first);
    first = false;
    for (size_t s = 0; s < totals_.size(); ++s) {
      if (lowered_.nodes[shaped.code->sinks[s].node].type.Has(Axis::kP)) Finish(s, nodes, p);
    }
  }
  for (size_t s = 0; s < totals_.size(); ++s) {
    if (!lowered_.nodes[fast_.sinks[s].node].type.Has(Axis::kP)) Finish(s, nodes, 0);
  }
}

void NestRun::RunParameter(const Shaped& shaped, Memory& memory, bool first_of_all) {
  for (int64_t start = 0; start < shaped.total; start += shaped.run) {
    for (int64_t in_run = 0; in_run < shaped.run; in_run += kBlock) {
      const int64_t count = std::min(kBlock, shaped.run - in_run);
      Point(shaped, start + in_run, count, in_run, start);
      RunBlock(shaped, start + in_run, count, memory.subtract_outputs, first_of_all);
    }
  }
}

// Sets the slots that move to where a block begins.
void NestRun::Point(const Shaped& shaped, int64_t position, int64_t count, int64_t in_run,
                    int64_t run_start) {
  for (int i : shaped.moving) {
    switch (shaped.modes[i]) {
      case Mode::kFull: current_[i] = base_[i] + position; break;
      case Mode::kRunFixed: current_[i] = base_[i] + shaped.walks[i].PlaceOf(run_start); break;
      case Mode::kRunMoves:
        current_[i] = base_[i] + shaped.walks[i].PlaceOf(run_start) + in_run;
        break;
      default: Expand(shaped, i, position, count);
    }
  }
}

void NestRun::Expand(const Shaped& shaped, int slot, int64_t position, int64_t count) {
  float* to = current_[slot];
  const float* from = base_[slot];
  shaped.walks[slot].ForEachSegment(
      position, count, [&](int64_t offset, int64_t length, int64_t place, bool moves, bool) {
        if (moves) {
          std::copy_n(from + place, length, to + offset);
        } else {
          std::fill_n(to + offset, length, from[place]);
        }
      });
}

void NestRun::RunBlock(const Shaped& shaped, int64_t position, int64_t count, bool subtract,
                       bool first_of_all) {
  const NestCode& code = *shaped.code;
  const size_t n = static_cast<size_t>(count);
  if (subtract) {
    // What was to go to an output at once goes to a register first.
    for (const OutputStore& store : code.outputs) {
      const Slot& slot = code.slots[store.from];
      if (slot.kind != Slot::Kind::kOutput) continue;
      current_[store.from] = scratch_.Data() + slot.spare * kRegisterStride;
    }
  }
  for (size_t i = 0; i < code.ops.size(); ++i) {
    const BlockOp& op = code.ops[i];
    shaped.loops[i](n, current_[op.operands[0]], current_[op.operands[1]], current_[op.operands[2]],
                    current_[op.operands[3]], current_[op.result]);
  }
  for (size_t i = 0; i < code.sinks.size(); ++i) Take(shaped, i, position, count, first_of_all);
  for (const BlockStore& store : code.stores) {
    std::copy_n(current_[store.from], n, current_[store.to]);
  }
  for (const OutputStore& store : code.outputs) {
    float* to = base_[store.to] + position;
    if (subtract) {
      const float* value = current_[store.from];
      kernels_.elementwise[static_cast<size_t>(Code::sub)][0](n, to, value, value, value, to);
    } else if (store.from != store.to) {
      std::copy_n(current_[store.from], n, to);
    }
  }
}

// An operand of a reduction as a block of floats.
const float* NestRun::SinkOperand(const Shaped& shaped, int slot, int which, int64_t count) {
  const Mode mode = shaped.modes[slot];
  if (mode != Mode::kFixed && mode != Mode::kRunFixed) return current_[slot];
  float* block = scratch_.Data() + scratch_.Size() - (which + 1) * kRegisterStride;
  std::fill_n(block, count, *current_[slot]);
  return block;
}

void NestRun::Take(const Shaped& shaped, size_t sink, int64_t position, int64_t count,
                   bool first_of_all) {
  const Sink& code = shaped.code->sinks[sink];
  const Node& node = lowered_.nodes[code.node];
  const float* x = SinkOperand(shaped, code.operands[0], 0, count);
  const float* y = code.arity > 1 ? SinkOperand(shaped, code.operands[1], 1, count) : x;
  const bool may_be_first = first_of_all || node.type.Has(Axis::kP);
  shaped.sink_walks[sink].ForEachSegment(
      position, count, [&](int64_t offset, int64_t length, int64_t place, bool moves, bool first) {
        TakeSegment(node, totals_[sink], length, place, moves, first && may_be_first, x + offset,
                    y + offset);
      });
}

void NestRun::TakeSegment(const Node& node, Totals& totals, int64_t length, int64_t place,
                          bool moves, bool first, const float* x, const float* y) {
  const size_t n = static_cast<size_t>(length);
  double* total = totals.total.data() + place;
  switch (node.moment) {
    case Moment::kSum:
    case Moment::kMean:
      if (moves) return kernels_.add_each(n, x, total);
      *total += kernels_.sum(n, x);
      return;
    case Moment::kProducts:
    case Moment::kMeanSquare:
      if (moves) return kernels_.add_products_each(n, x, y, total);
      *total += kernels_.sum_products(n, x, y);
      return;
    case Moment::kVariance: {
      // Around the first element, which keeps what is subtracted in the end small.
      double* squares = totals.squares.data() + place;
      double* center = totals.center.data() + place;
      if (first) std::copy_n(x, moves ? n : 1, center);
      if (moves) return kernels_.add_deviations_each(n, x, center, total, squares);
      kernels_.sum_deviations(n, x, *center, total, squares);
      return;
    }
    case Moment::kMax:
    case Moment::kMin: {
      const auto combine = node.moment == Moment::kMax ? kernels_.largest : kernels_.smallest;
      if (first) std::copy_n(x, moves ? n : 1, total);
      if (!moves) {
        *total = combine(n, x, static_cast<float>(*total));
        return;
      }
      for (size_t i = 0; i < n; ++i) total[i] = combine(1, x + i, static_cast<float>(total[i]));
    }
  }
}

void NestRun::StartTotals(size_t sink, size_t size) {
  Totals& totals = totals_[sink];
  // -0 is the one number that adding to changes nothing.
  totals.total.assign(size, -0.0);
  totals.count = 0;
  const Node& node = lowered_.nodes[fast_.sinks[sink].node];
  if (node.moment != Moment::kVariance) return;
  totals.total.assign(size, 0.0);
  totals.squares.assign(size, 0.0);
  totals.center.assign(size, 0.0);
}

void NestRun::Finish(size_t sink, NodeMemory& nodes, int p) {
  const int index = fast_.sinks[sink].node;
  const Node& node = lowered_.nodes[index];
  const Totals& totals = totals_[sink];
  auto result = [&](size_t i) {
    double moment = totals.total[i];
    if (node.moment == Moment::kMean || node.moment == Moment::kMeanSquare) moment /= totals.count;
    if (node.moment == Moment::kVariance) {
      moment = (totals.squares[i] - moment * moment / totals.count) / totals.count;
      if (moment < 0) moment = 0;
    }
    return node.root ? std::sqrt(moment) : moment;
  };
  if (IsNumberType(node.type)) {
    Numbers& numbers = nodes.numbers[index];
    const size_t start = node.type.Has(Axis::kP) ? p : 0;
    for (size_t i = 0; i < totals.total.size(); ++i) numbers.Set(start + i, result(i));
    return;
  }
  std::span<float> to = nodes.tensors[index].At(p);
  for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(result(i));
}

}  // namespace lathe::vm
