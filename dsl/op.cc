#include "dsl/op.h"

namespace lathe {
namespace {

// The words that rows of ops.def use for traits.
constexpr int none = 0, commutative = 1, foldable = 2;

constexpr OpTraits Traits(int bits) {
  return {.commutative = (bits & commutative) != 0, .foldable = (bits & foldable) != 0};
}

constexpr std::array<OpInfo, kOpCount> kOps = {{
#define LATHE_OP(name, arity, rule, traits, weight, cost, since, doc) \
  {#name, arity, TypeRule::rule, Traits(traits), weight, cost, since, doc},
#include "dsl/ops.def"
}};

constexpr bool TableIsSound() {
  for (size_t i = 0; i < kOps.size(); ++i) {
    if (kOps[i].arity < 1 || kOps[i].arity > kMaxArity || kOps[i].since < 1) return false;
    if (kOps[i].rule != TypeRule::elementwise && kOps[i].arity != 1) return false;
    if (kOps[i].traits.commutative && kOps[i].arity != 2) return false;
    if (!(kOps[i].weight >= 0) || kOps[i].cost < 1 || kOps[i].doc.empty()) return false;
    for (size_t j = 0; j < i; ++j) {
      if (kOps[i].name == kOps[j].name) return false;
    }
  }
  return true;
}
static_assert(TableIsSound(), "dsl/ops.def has a duplicate name or an impossible row");

}  // namespace

const OpInfo& Info(Op op) {
  return kOps[static_cast<size_t>(op)];
}

std::optional<Op> OpByName(std::string_view name) {
  for (size_t i = 0; i < kOps.size(); ++i) {
    if (kOps[i].name == name) return static_cast<Op>(i);
  }
  return std::nullopt;
}

std::array<Op, kOpCount> AllOps() {
  std::array<Op, kOpCount> ops;
  for (int i = 0; i < kOpCount; ++i) ops[i] = static_cast<Op>(i);
  return ops;
}

AxisSet RemovedAxes(Op op, AxisSet over) {
  switch (Info(op).rule) {
    case TypeRule::elementwise: return {};
    case TypeRule::reduce_over: return over.Has(Axis::kP) ? kAllAxes : over;
    case TypeRule::reduce_elements: return kElementAxes;
    case TypeRule::reduce_model: return kAllAxes;
  }
  return {};
}

AxisSet ResultType(Op op, AxisSet over, std::span<const AxisSet> operands) {
  AxisSet all;
  for (AxisSet operand : operands) all = all.With(operand);
  return all.Without(RemovedAxes(op, over));
}

}  // namespace lathe
