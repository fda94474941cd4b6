#include "dsl/op.h"

namespace lathe {
namespace {

// The words that rows of ops.def use for traits.
constexpr int none = 0, commutative = 1, foldable = 2;

constexpr OpTraits Traits(int bits) {
  return {.commutative = (bits & commutative) != 0, .foldable = (bits & foldable) != 0};
}

constexpr std::array<OpInfo, kOpCount> kRows = {{
#define LATHE_OP(name, arity, rule, traits, weight, cost, since, cpp, torch, doc) \
  {#name, arity, TypeRule::rule, Traits(traits), weight, cost, since, cpp, torch, doc},
#include "dsl/ops.def"
}};

constexpr bool RowIsSound(const OpInfo& op) {
  if (op.arity < 1 || op.arity > kMaxArity || op.since < 1 || !(op.weight >= 0)) return false;
  if (op.traits.commutative && op.arity != 2) return false;
  if (op.traits.foldable && op.rule != TypeRule::elementwise) return false;
  return op.cost >= 1 && !op.doc.empty() && !op.cpp.empty() && !op.torch.empty();
}

constexpr bool TableIsSound() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (!RowIsSound(kRows[i])) return false;
    for (size_t j = 0; j < i; ++j) {
      if (kRows[i].name == kRows[j].name) return false;
    }
  }
  return true;
}
static_assert(TableIsSound(), "dsl/ops.def has a duplicate name or an impossible row");

}  // namespace

const std::array<OpInfo, kOpCount> kOpTable = kRows;

std::optional<Op> OpByName(std::string_view name) {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<Op>(i);
  }
  return std::nullopt;
}

std::array<Op, kOpCount> AllOps() {
  std::array<Op, kOpCount> ops;
  for (int i = 0; i < kOpCount; ++i) ops[i] = static_cast<Op>(i);
  return ops;
}

bool IsReduction(Op op) {
  const TypeRule rule = Info(op).rule;
  return rule == TypeRule::reduce_over || rule == TypeRule::reduce_elements ||
         rule == TypeRule::reduce_model;
}

AxisSet RemovedAxes(Op op, AxisSet over) {
  switch (Info(op).rule) {
    case TypeRule::reduce_over: return over.Has(Axis::kP) ? kEveryAxis : over;
    case TypeRule::reduce_elements: return kEveryAxis.Without({Axis::kP});
    case TypeRule::reduce_model: return kEveryAxis;
    default: return {};
  }
}

AxisSet ResultType(Op op, AxisSet over, std::span<const AxisSet> operands) {
  AxisSet all;
  for (AxisSet operand : operands) all = all.With(operand);
  if (Info(op).rule == TypeRule::contract) return all.Within({Axis::kP}).With(over);
  return all.Without(RemovedAxes(op, over));
}

}  // namespace lathe
