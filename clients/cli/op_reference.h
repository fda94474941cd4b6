// The ops of the language as a reader meets them: in groups, with their rules in words; and
// docs/ops.md, which is made of that.
#ifndef LATHE_CLIENTS_CLI_OP_REFERENCE_H_
#define LATHE_CLIENTS_CLI_OP_REFERENCE_H_

#include <string>
#include <string_view>
#include <vector>

#include "dsl/op.h"

namespace lathe {

struct OpGroup {
  std::string title;
  std::vector<Op> ops;  // in the order of dsl/ops.def
};
// Every op is in one.
std::vector<OpGroup> OpGroups();
std::string_view GroupTitle(Op op);

// "lerp(a, b, c)", "sum(a over AXES)".
std::string CallText(Op op);
std::string TraitsText(Op op);  // "commutative, foldable"; "none"

std::string_view RuleName(TypeRule rule);     // as in dsl/ops.def
std::string_view RuleMeaning(TypeRule rule);  // what happens to the axes

// docs/ops.md.
std::string OpsMarkdown();

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_OP_REFERENCE_H_
