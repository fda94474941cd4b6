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
  const Instruction* producer = view.producer(operand);
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

std::optional<Rewritten> Reduction(const Instruction& instruction, const OperandView& view) {
  AxisSet type = view.type(instruction.operands[0]);
  AxisSet removed = RemovedAxes(instruction.op, instruction.over);
  AxisSet present = AxisSet::FromBits(type.Bits() & removed.Bits());
  if (Info(instruction.op).rule != TypeRule::reduce_over) {
    // A norm over axes that are not there is a magnitude, but its square may overflow: kept.
    return std::nullopt;
  }
  if (present.Empty()) return instruction.operands[0];
  if (present == instruction.over) return std::nullopt;
  Instruction named = instruction;
  named.over = present;
  return named;
}

std::optional<Rewritten> UnaryIdentity(const Instruction& instruction, const OperandView& view) {
  const Operand& a = instruction.operands[0];
  const Instruction* producer = view.producer(a);
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
  if (Info(instruction.op).rule != TypeRule::elementwise) return Reduction(instruction, view);
  switch (instruction.op) {
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
