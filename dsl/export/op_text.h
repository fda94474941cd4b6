// The texts of ops in dsl/ops.def, filled in.
#ifndef LATHE_DSL_EXPORT_OP_TEXT_H_
#define LATHE_DSL_EXPORT_OP_TEXT_H_

#include <span>
#include <string>
#include <string_view>

#include "dsl/op.h"

namespace lathe {

// Whether {a}, {b} or {c} stands only where a number of the language itself may stand beside a
// tensor: next to + - * or /.
bool TakesNumbers(std::string_view torch_text, int operand);

// The text with operands, and dimensions or an equation where it has a place for them.
std::string FilledIn(std::string_view torch_text, std::span<const std::string> operands,
                     std::string_view axes_or_equation);

// An op's text in PyTorch as the C++ of libtorch.
std::string LibtorchText(Op op);

// "op_NAME".
std::string ScalarFunctionName(Op op);
// An elementwise op over doubles, as C++. One with a condition is a call of op_NAME.
std::string ScalarText(Op op, std::span<const std::string> operands);
// The function op_NAME, for any type of numbers; empty for ops that are written out in place.
std::string ScalarFunction(Op op);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_OP_TEXT_H_
