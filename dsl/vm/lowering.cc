#include "dsl/vm/lowering.h"

#include <initializer_list>
#include <optional>

#include "dsl/buffers.h"

namespace lathe::vm {
namespace {

struct Reduction {
  Moment moment;
  bool root;
};

Reduction ReductionOf(Op op) {
  switch (op) {
    case Op::mean: return {Moment::kMean, false};
    case Op::mean_square: return {Moment::kMeanSquare, false};
    case Op::rms: return {Moment::kMeanSquare, true};
    case Op::var: return {Moment::kVariance, false};
    case Op::stddev: return {Moment::kVariance, true};
    case Op::norm:
    case Op::global_norm: return {Moment::kProducts, true};
    case Op::dot: return {Moment::kProducts, false};
    case Op::reduce_max: return {Moment::kMax, false};
    case Op::reduce_min: return {Moment::kMin, false};
    default: return {Moment::kSum, false};
  }
}

// The op on numbers whose value is the moment.
Op MomentOp(Op op) {
  switch (op) {
    case Op::rms: return Op::mean_square;
    case Op::stddev: return Op::var;
    default: return op;
  }
}

class Lowering {
 public:
  Lowering(const Program& program, bool training)
      : program_(program), training_(training), types_(InstructionTypes(program)) {}

  Lowered Run() {
    const std::vector<Buffer> buffers = Buffers(program_);
    size_t buffer = 0;
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      const bool buffered =
          buffer < buffers.size() && buffers[buffer].instruction == static_cast<int>(i);
      values_.push_back(
          Instruct(program_.instructions[i], types_[i], buffered ? static_cast<int>(buffer) : -1));
      buffer += buffered;
    }
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      result_.outputs.push_back(
          Exactly(Value(program_.outputs[i]), program_.signature->outputs[i].axes));
    }
    for (const State& state : program_.states) {
      result_.next.push_back(Exactly(Value(state.next), state.axes));
    }
    return DropDead();
  }

 private:
  AxisSet Type(const Ref& ref) const { return TypeOf(program_, result_.nodes, ref); }

  Ref Value(const Operand& operand) const {
    switch (operand.kind) {
      case Operand::Kind::kConstant: return Ref::Constant(operand.constant);
      case Operand::Kind::kHyper: return Ref::Constant(program_.hypers[operand.index].value);
      case Operand::Kind::kInput: return {Ref::Kind::kInput, operand.index, 0};
      case Operand::Kind::kState: return {Ref::Kind::kState, operand.index, 0};
      case Operand::Kind::kInstruction: return values_[operand.index];
    }
    return {};
  }

  Ref Emit(Node node) {
    if (node.kind == Node::Kind::kNumber) {
      // The same number is asked for again and again: 1 - c, 1 / c.
      for (size_t i = 0; i < result_.nodes.size(); ++i) {
        const Node& other = result_.nodes[i];
        if (other.kind == node.kind && other.code == node.code && other.operands == node.operands) {
          return Ref::Node(static_cast<int>(i));
        }
      }
    }
    result_.nodes.push_back(node);
    return Ref::Node(static_cast<int>(result_.nodes.size()) - 1);
  }

  // An op, or a superinstruction, on whatever the operands are.
  Ref Apply(Code code, std::initializer_list<Ref> operands) {
    Node node;
    node.code = code;
    for (const Ref& ref : operands) {
      node.operands[node.arity++] = ref;
      node.type = node.type.With(Type(ref));
    }
    const bool number = IsNumberType(node.type);
    node.kind = number ? Node::Kind::kNumber : Node::Kind::kTensor;
    if (code == Code::lerp && !number && IsNumberType(Type(node.operands[2]))) {
      // In float 1 - 0.999 would have lost four digits.
      node.code = Code::lerp_by;
      node.operands[node.arity++] = Apply(Code::sub, {Ref::Constant(1), node.operands[2]});
    }
    if (code == Code::div && !number && IsNumberType(Type(node.operands[1]))) {
      node.reciprocal = Apply(Code::reciprocal, {node.operands[1]}).index;
    }
    return Emit(node);
  }
  Ref Apply(Op op, std::initializer_list<Ref> operands) { return Apply(CodeOf(op), operands); }

  Ref Reduce(Op op, AxisSet over, const Ref& a, std::optional<Ref> b = std::nullopt) {
    Node node;
    node.op = op;
    node.operands[0] = a;
    node.all = Type(a);
    node.arity = 1;
    if (b) {
      node.operands[node.arity++] = *b;
      node.all = node.all.With(Type(*b));
    }
    node.type = node.all.Without(RemovedAxes(op, over));
    node.kind = IsNumberType(node.all) ? Node::Kind::kReduceNumbers : Node::Kind::kReduce;
    node.moment = ReductionOf(op).moment;
    node.root = ReductionOf(op).root;
    return Emit(node);
  }

  // A reduction by its own rule, or by what it is made of.
  Ref ReduceAny(Op op, AxisSet over, const Ref& a, const Ref& b) {
    if (op == Op::dot) return Reduce(op, over, a, b);
    if (op == Op::cosine_sim && IsNumberType(Type(a).With(Type(b)))) return Reduce(op, over, a, b);
    if (op == Op::cosine_sim) {
      // Of a and b with all axes of both.
      const Ref wide_a = Wide(a, Type(b)), wide_b = Wide(b, Type(a));
      const Ref norms = Apply(
          Op::mul, {Reduce(Op::global_norm, {}, wide_a), Reduce(Op::global_norm, {}, wide_b)});
      return Apply(Op::div, {Reduce(Op::dot, {}, a, b), norms});
    }
    if (op != Op::logsumexp || IsNumberType(Type(a))) return Reduce(op, over, a);
    const Ref largest = Reduce(Op::reduce_max, over, a);
    // 0 where it is infinite or NaN, which then comes out of the sum.
    const Ref is_finite = Apply(Op::equal, {Apply(Op::sub, {largest, largest}), Ref::Constant(0)});
    const Ref shift = Apply(Op::where, {is_finite, largest, Ref::Constant(0)});
    const Ref total = Reduce(Op::sum, over, Apply(Op::exp, {Apply(Op::sub, {a, shift})}));
    return Apply(Op::add, {shift, Apply(Op::log, {total})});
  }

  // A value with more axes, which make it a tensor.
  Ref Wide(const Ref& a, AxisSet axes) {
    const AxisSet type = Type(a).With(axes);
    return type == Type(a) ? a : Exactly(a, type);
  }

  // A tensor of a node of its own with exactly this type; a number as it is.
  Ref Exactly(const Ref& ref, AxisSet type) {
    const bool is_tensor = ref.IsNode() && result_.nodes[ref.index].kind == Node::Kind::kTensor;
    if (IsNumberType(type) || (is_tensor && Type(ref) == type)) return ref;
    Node node;
    node.kind = Node::Kind::kTensor;
    node.code = Code::copy;
    node.type = type;
    node.arity = 1;
    node.operands[0] = ref;
    return Emit(node);
  }

  Ref Buffered(const Instruction& instruction, int buffer) {
    const Op op = instruction.op;
    const bool rooted = ReductionOf(op).root;
    Ref moment{Ref::Kind::kBuffer, buffer, 0};
    if (training_) {
      const Ref a = Value(instruction.operands[0]);
      const Ref b = instruction.Arity() > 1 ? Value(instruction.operands[1]) : a;
      const bool of_norm = op == Op::norm || op == Op::global_norm;
      if (of_norm) {
        moment = Reduce(Op::dot, {}, a, a);  // removes all axes, as the norm of a layer does
      } else {
        moment = ReduceAny(MomentOp(op), instruction.over, a, b);
      }
      result_.moments.push_back(moment);
    }
    return rooted ? Apply(Op::sqrt, {moment}) : moment;
  }

  Ref Softmax(const Ref& a, AxisSet over) {
    const Ref largest = Reduce(Op::reduce_max, over, a);
    const Ref powers = Apply(Op::exp, {Apply(Op::sub, {a, largest})});
    return Apply(Op::div, {powers, Reduce(Op::sum, over, powers)});
  }

  Ref ClipByGlobalNorm(const Ref& a, const Ref& bound) {
    const Ref norm = Reduce(Op::global_norm, {}, a);
    if (!IsNumberType(Type(bound)))
      return Apply(Op::mul, {a, Apply(Code::clip_factor, {norm, bound})});
    const Ref size = Apply(Op::abs, {bound});
    const Ref kept = Apply(Op::where, {Apply(Op::less_equal, {norm, size}), Ref::Constant(1),
                                       Apply(Op::add, {norm, bound})});
    const Ref factor =
        Apply(Op::where, {Apply(Op::less, {size, norm}), Apply(Op::div, {size, norm}), kept});
    return Apply(Op::mul, {a, factor});
  }

  Ref Einsum(const Instruction& instruction, AxisSet type) {
    Node node;
    node.kind = Node::Kind::kEinsum;
    node.type = type;
    node.arity = 2;
    node.labels = instruction.labels;
    const std::array operands = {Value(instruction.operands[0]), Value(instruction.operands[1])};
    const std::array types = {Type(operands[0]), Type(operands[1])};
    for (int i = 0; i < 2; ++i) {
      const AxisSet alone = AxesSummedAlone(instruction, types, i);
      node.operands[i] = alone.Empty() ? operands[i] : Reduce(Op::sum, alone, operands[i]);
    }
    return Emit(node);
  }

  Ref Transpose(const Ref& a) {
    const AxisSet type = Type(a);
    const bool pair = type.Contains({Axis::kR, Axis::kR1}) || type.Contains({Axis::kC, Axis::kC1});
    if (!pair) return a;
    Node node;
    node.kind = Node::Kind::kTranspose;
    node.type = type;
    node.arity = 1;
    node.operands[0] = a;
    return Emit(node);
  }

  Ref Instruct(const Instruction& instruction, AxisSet type, int buffer) {
    const Op op = instruction.op;
    if (buffer >= 0) return Buffered(instruction, buffer);
    const Ref a = Value(instruction.operands[0]);
    const Ref b = Value(instruction.operands[1]), c = Value(instruction.operands[2]);
    switch (Info(op).rule) {
      case TypeRule::elementwise:
        if (instruction.Arity() == 1) return Apply(op, {a});
        if (instruction.Arity() == 2) return Apply(op, {a, b});
        return Apply(op, {a, b, c});
      case TypeRule::normalize_over: return Softmax(a, instruction.over);
      case TypeRule::normalize_model: return ClipByGlobalNorm(a, b);
      case TypeRule::contract: return Einsum(instruction, type);
      case TypeRule::swap: return Transpose(a);
      default: return ReduceAny(op, instruction.over, a, b);
    }
  }

  Lowered DropDead() {
    std::vector<bool> alive(result_.nodes.size(), false);
    auto mark = [&](const Ref& ref) {
      if (ref.IsNode()) alive[ref.index] = true;
    };
    for (const Ref& ref : result_.outputs) mark(ref);
    for (const Ref& ref : result_.next) mark(ref);
    for (const Ref& ref : result_.moments) mark(ref);
    for (size_t i = alive.size(); i-- > 0;) {
      if (!alive[i]) continue;
      const Node& node = result_.nodes[i];
      for (int k = 0; k < node.arity; ++k) mark(node.operands[k]);
      if (node.reciprocal >= 0) alive[node.reciprocal] = true;
    }
    std::vector<int> place(alive.size(), -1);
    Lowered kept;
    auto moved = [&](Ref ref) {
      if (ref.IsNode()) ref.index = place[ref.index];
      return ref;
    };
    for (size_t i = 0; i < alive.size(); ++i) {
      if (!alive[i]) continue;
      Node node = result_.nodes[i];
      for (int k = 0; k < node.arity; ++k) node.operands[k] = moved(node.operands[k]);
      if (node.reciprocal >= 0) node.reciprocal = place[node.reciprocal];
      place[i] = static_cast<int>(kept.nodes.size());
      kept.nodes.push_back(node);
    }
    for (const Ref& ref : result_.outputs) kept.outputs.push_back(moved(ref));
    for (const Ref& ref : result_.next) kept.next.push_back(moved(ref));
    for (const Ref& ref : result_.moments) kept.moments.push_back(moved(ref));
    return kept;
  }

  const Program& program_;
  const bool training_;
  const std::vector<AxisSet> types_;
  std::vector<Ref> values_;  // by instruction
  Lowered result_;
};

}  // namespace

bool IsNumberType(AxisSet type) {
  return type.Within(kElementAxes).Empty();
}

AxisSet TypeOf(const Program& program, const std::vector<Node>& nodes, const Ref& ref) {
  switch (ref.kind) {
    case Ref::Kind::kConstant: return {};
    case Ref::Kind::kInput: return program.signature->inputs[ref.index].axes;
    case Ref::Kind::kState: return program.states[ref.index].axes;
    case Ref::Kind::kBuffer: return Buffers(program)[ref.index].axes;
    case Ref::Kind::kNode: return nodes[ref.index].type;
  }
  return {};
}

Lowered Lower(const Program& program, bool training) {
  return Lowering(program, training).Run();
}

}  // namespace lathe::vm
