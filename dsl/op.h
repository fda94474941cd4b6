// The ops of the language, derived from dsl/ops.def.
//
//   Op op = *OpByName("lerp");
//   Info(op).arity == 3
//   ResultType(Op::norm, {}, {kModelAxes}) == AxisSet{Axis::kP}
#ifndef LATHE_DSL_OP_H_
#define LATHE_DSL_OP_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dsl/axes.h"

namespace lathe {

enum class Op : uint8_t {
#define LATHE_OP(name, ...) name,
#include "dsl/ops.def"
};

inline constexpr int kOpCount = 0
#define LATHE_OP(...) +1
#include "dsl/ops.def"
    ;

// Most operands that any op takes.
inline constexpr int kMaxArity = 3;

enum class TypeRule : uint8_t {
  elementwise,
  reduce_over,
  reduce_elements,
  reduce_model,
  normalize_over,
  normalize_model,
  contract,
  swap,
};

struct OpTraits {
  bool commutative = false;
  bool foldable = false;
};

struct OpInfo {
  std::string_view name;
  int arity;
  TypeRule rule;
  OpTraits traits;
  double weight;
  int cost;
  int since;
  std::string_view cpp, torch;  // text of exports
  std::string_view doc;
};

// The rows of dsl/ops.def, by op.
extern const std::array<OpInfo, kOpCount> kOpTable;
inline const OpInfo& Info(Op op) {
  return kOpTable[static_cast<size_t>(op)];
}

std::optional<Op> OpByName(std::string_view name);
std::array<Op, kOpCount> AllOps();

// Whether a statement with this op says "over".
inline bool NamesAxes(Op op) {
  return Info(op).rule == TypeRule::reduce_over || Info(op).rule == TypeRule::normalize_over;
}
// Whether the op is one of those that remove axes: sum, norm, dot, ...
bool IsReduction(Op op);

// Axes that `op` removes from its operands; `over` is what the statement names, and counts for
// ops with TypeRule::reduce_over only.
AxisSet RemovedAxes(Op op, AxisSet over);

// The type of the result; `over` of an einsum are the axes that the result keeps beside P. Any
// operand types are allowed; the result of well-formed operands is well-formed (removing P alone
// from a type with R or C also removes those).
AxisSet ResultType(Op op, AxisSet over, std::span<const AxisSet> operands);

}  // namespace lathe

#endif  // LATHE_DSL_OP_H_
