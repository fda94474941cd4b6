#include "dsl/identities.h"

#include <array>
#include <cmath>
#include <type_traits>

#include "dsl/kernels.h"

namespace lathe {
namespace {

bool IsConstant(const Operand& operand, double value) {
  return operand.IsConstant() && operand.constant == value;
}

// The operand of the op that produced `operand`, if that was `op`.
std::optional<Operand> Inside(const Operand& operand, Op op, const OperandView& view) {
  const Instruction* producer = view.Producer(operand);
  if (producer == nullptr || producer->op != op) return std::nullopt;
  return producer->operands[0];
}

// `operand` without ops that only change its sign; for ops that do not see the sign.
Operand WithoutSign(Operand operand, const OperandView& view) {
  while (true) {
    std::optional<Operand> inner = Inside(operand, Op::neg, view);
    if (!inner) inner = Inside(operand, Op::abs, view);
    if (!inner) return operand;
    operand = *inner;
  }
}

Instruction Unary(Op op, Operand a) {
  return {op, {}, {a}};
}
Instruction Binary(Op op, Operand a, Operand b) {
  return {op, {}, {a, b}};
}

// x + (-y) = x - y, and the like. Zero is left alone: x + 0 is not x for x = -0.
std::optional<Rewritten> Additive(const Instruction& instruction, const OperandView& view) {
  const auto& [a, b, unused] = instruction.operands;
  std::optional<Operand> negated_b = Inside(b, Op::neg, view);
  if (instruction.op == Op::sub) {
    if (IsConstant(b, 0)) return a;
    if (negated_b) return Binary(Op::add, a, *negated_b);
    return std::nullopt;
  }
  if (negated_b) return Binary(Op::sub, a, *negated_b);
  if (std::optional<Operand> negated_a = Inside(a, Op::neg, view)) {
    return Binary(Op::sub, b, *negated_a);
  }
  if (a == b) return Binary(Op::mul, a, Operand::Constant(2));
  return std::nullopt;
}

// Operands of mul are in order: a constant comes last.
std::optional<Rewritten> Multiplicative(const Instruction& instruction, const OperandView& view) {
  const auto& [a, b, unused] = instruction.operands;
  bool is_mul = instruction.op == Op::mul;
  if (IsConstant(b, 1)) return a;
  if (IsConstant(b, -1)) return Unary(Op::neg, a);
  if (is_mul && a == b) return Unary(Op::square, a);
  std::optional<Operand> negated_a = Inside(a, Op::neg, view);
  std::optional<Operand> negated_b = Inside(b, Op::neg, view);
  if (negated_a && negated_b) return Binary(instruction.op, *negated_a, *negated_b);
  return std::nullopt;
}

// Whether reducing one number gives that number, bit for bit. A norm does not: its square may
// overflow; logsumexp does not: it turns -0 into 0.
bool KeepsOneNumber(Op op) {
  return op == Op::sum || op == Op::mean || op == Op::reduce_max || op == Op::reduce_min;
}

// Axes that are not there need not be named.
std::optional<Rewritten> OverAxes(const Instruction& instruction, const OperandView& view) {
  const AxisSet named = instruction.over.Has(Axis::kP) ? kEveryAxis : instruction.over;
  const AxisSet present = view.Type(instruction.operands[0]).Within(named);
  if (present.Empty()) {
    if (KeepsOneNumber(instruction.op)) return instruction.operands[0];
    return std::nullopt;
  }
  if (present == instruction.over) return std::nullopt;
  Instruction fewer = instruction;
  fewer.over = present;
  return fewer;
}

std::optional<Rewritten> Transposition(const Instruction& instruction, const OperandView& view) {
  const Operand& a = instruction.operands[0];
  const AxisSet type = view.Type(a);
  if (!type.Contains({Axis::kR, Axis::kR1}) && !type.Contains({Axis::kC, Axis::kC1})) return a;
  if (std::optional<Operand> inner = Inside(a, Op::transpose, view)) return *inner;
  return std::nullopt;
}

// A choice between a value and itself, unless the condition has axes that the value lacks.
std::optional<Rewritten> Choice(const Instruction& instruction, const OperandView& view) {
  const auto& [condition, a, b] = instruction.operands;
  if (!(a == b) || !view.Type(a).Contains(view.Type(condition))) return std::nullopt;
  return a;
}

std::optional<Rewritten> UnaryIdentity(const Instruction& instruction, const OperandView& view) {
  const Operand& a = instruction.operands[0];
  const Instruction* producer = view.Producer(a);
  switch (instruction.op) {
    case Op::neg:
      if (std::optional<Operand> inner = Inside(a, Op::neg, view)) return *inner;
      return std::nullopt;
    case Op::sign:
      if (producer != nullptr && producer->op == Op::sign) return a;
      return std::nullopt;
    case Op::abs:
      if (producer != nullptr && (producer->op == Op::square || producer->op == Op::exp)) return a;
      [[fallthrough]];
    case Op::square:
    case Op::sqrt_abs:
    case Op::log_abs: {
      Operand bare = WithoutSign(a, view);
      if (bare == a) return std::nullopt;
      return Unary(instruction.op, bare);
    }
    default: return std::nullopt;
  }
}

// Calls a kernel with as many operands as it takes.
template <typename Kernel>
double ApplyToConstants(const Instruction& instruction) {
  const auto& [a, b, c] = instruction.operands;
  if constexpr (requires { Kernel::Apply(1.0, 1.0, 1.0); }) {
    return Kernel::Apply(a.constant, b.constant, c.constant);
  } else if constexpr (requires { Kernel::Apply(1.0, 1.0); }) {
    return Kernel::Apply(a.constant, b.constant);
  } else if constexpr (requires { Kernel::Apply(1.0); }) {
    return Kernel::Apply(a.constant);
  } else {
    return NAN;  // a reduction; its row is not foldable
  }
}

double Evaluate(const Instruction& instruction) {
  switch (instruction.op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return ApplyToConstants<kernels::name>(instruction);
#include "dsl/ops.def"
    // clang-format on
  }
  return NAN;
}

}  // namespace

std::optional<double> FoldConstants(const Instruction& instruction) {
  if (!Info(instruction.op).traits.foldable) return std::nullopt;
  for (int i = 0; i < instruction.Arity(); ++i) {
    if (!instruction.operands[i].IsConstant()) return std::nullopt;
  }
  double value = Evaluate(instruction);
  if (!std::isfinite(value) || (value == 0 && std::signbit(value))) return std::nullopt;
  return value;
}

std::optional<Rewritten> ApplyIdentity(const Instruction& instruction, const OperandView& view) {
  if (NamesAxes(instruction.op)) return OverAxes(instruction, view);
  switch (instruction.op) {
    case Op::transpose: return Transposition(instruction, view);
    case Op::where: return Choice(instruction, view);
    case Op::add:
    case Op::sub: return Additive(instruction, view);
    case Op::mul:
    case Op::div: return Multiplicative(instruction, view);
    case Op::max:
    case Op::min:
      if (instruction.operands[0] == instruction.operands[1]) return instruction.operands[0];
      return std::nullopt;
    case Op::clip: {
      Operand bound = WithoutSign(instruction.operands[1], view);
      if (bound == instruction.operands[1]) return std::nullopt;
      return Binary(Op::clip, instruction.operands[0], bound);
    }
    default: return UnaryIdentity(instruction, view);
  }
}

}  // namespace lathe
