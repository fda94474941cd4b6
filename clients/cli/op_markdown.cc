// docs/ops.md. What an op is comes from dsl/ops.def; only the text between the tables stands here.
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/op_reference.h"
#include "dsl/text.h"

namespace lathe {
namespace {

constexpr std::string_view kIntroduction =
    R"(# The ops of the language

<!-- Written by `lathe prog ops --markdown` from dsl/ops.def; do not edit. -->

A statement applies one op to names and numbers, `m2 = lerp(g, m, 0.9)`. `lathe prog ops NAME` tells
the same about one op, with its text in C++ and in PyTorch, and `--json` all of it to programs.

How to read the tables:

- **op**: how it is called; `a`, `b`, `c` are the operands. `over ...` stands for the names of axes,
  `[...]` for labels.
- **axes**: the rule by which the type of the result follows from those of the operands; see below.
- **traits**: *commutative*: the operands may be swapped and every bit of the result stays.
  *foldable*: exactly rounded, so that the canonical form folds it over constants.
- **cost**: operations per element of the operands, in units of one addition; what the filter
  `over_cost` counts.
- **weight**: how often a search draws the op, relative to the others, unless the job says
  otherwise. 0: only where a job names it.
- **since**: the version of the language that it came with. A name is never changed or used again.

## Axes

The type of a value is the set of its axes: `[P,R,C]` one number per element of every parameter,
`[P]` one per parameter, `[]` one number. Types follow from these rules alone.

)";

constexpr std::string_view kProtected =
    R"(
## Raw and protected

Raw ops do what IEEE 754 says: `div(1, 0)` is infinite, `sqrt(-1)` and `log(-1)` are NaN, and a
candidate that puts out such a value is rejected. Protected ops are rows of their own, named after
what they do, and are defined almost everywhere:

| raw | protected | how |
|---|---|---|
)";

constexpr std::string_view kLionIntroduction =
    R"(
## The search space of Lion

The 45 functions of the search behind Lion (Chen et al., "Symbolic discovery of optimization
algorithms", 2023) and what they are here. Lion's search guards `sqrt`, the logarithms and the
division, so they stand for the protected ops.

| Lion | here |
|---|---|
)";

struct Protection {
  Op raw, guarded;
};
constexpr std::array<Protection, 8> kProtections = {{{Op::div, Op::div_eps},
                                                     {Op::sqrt, Op::sqrt_abs},
                                                     {Op::sqrt, Op::sqrt_signed},
                                                     {Op::log, Op::log_abs},
                                                     {Op::log, Op::log_signed},
                                                     {Op::log2, Op::log2_abs},
                                                     {Op::log10, Op::log10_abs},
                                                     {Op::log1p, Op::log1p_abs}}};

struct LionFunction {
  std::string_view name;
  std::optional<Op> op;
  std::string_view otherwise = "";  // where there is no op
};
constexpr std::array<LionFunction, 45> kLionFunctions = {{
    {"+", Op::add},
    {"-", Op::sub},
    {"*", Op::mul},
    {"/", Op::div_eps},
    {"maximum", Op::max},
    {"minimum", Op::min},
    {"power", Op::pow},
    {"interpolate", Op::lerp},
    {"negative", Op::neg},
    {"abs", Op::abs},
    {"sign", Op::sign},
    {"reciprocal", Op::reciprocal},
    {"square", Op::square},
    {"cube", Op::cube},
    {"sqrt", Op::sqrt_abs},
    {"cbrt", Op::cbrt},
    {"exp", Op::exp},
    {"exp2", Op::exp2},
    {"exp10", Op::exp10},
    {"expm1", Op::expm1},
    {"log", Op::log_abs},
    {"log2", Op::log2_abs},
    {"log10", Op::log10_abs},
    {"log1p", Op::log1p_abs},
    {"sin", Op::sin},
    {"cos", Op::cos},
    {"tan", Op::tan},
    {"arcsin", Op::asin},
    {"arccos", Op::acos},
    {"arctan", Op::atan},
    {"sinh", Op::sinh},
    {"cosh", Op::cosh},
    {"tanh", Op::tanh},
    {"arcsinh", Op::asinh},
    {"arccosh", Op::acosh},
    {"arctanh", Op::atanh},
    {"norm", Op::norm},
    {"global_norm", Op::global_norm},
    {"dot", Op::dot},
    {"cosine_sim", Op::cosine_sim},
    {"clip_by_global_norm", Op::clip_by_global_norm},
    {"get_pi", std::nullopt, "the constant 3.141592653589793"},
    {"get_e", std::nullopt, "the constant 2.718281828459045"},
    {"get_eps", std::nullopt, "the constant 1e-08"},
    {"invert", std::nullopt, "left out: it flips bits, and values are real numbers"},
}};

std::string Code(std::string_view text) {
  return absl::StrCat("`", std::string(text), "`");
}

// In a cell of a table, a bar would end it.
std::string Cell(std::string_view text) {
  return absl::StrReplaceAll(std::string(text), {{"|", "\\|"}});
}

std::string RulesText() {
  std::string text = "| rule | what happens to the axes |\n|---|---|\n";
  for (const TypeRule rule :
       {TypeRule::elementwise, TypeRule::reduce_over, TypeRule::reduce_elements,
        TypeRule::reduce_model, TypeRule::normalize_over, TypeRule::normalize_model,
        TypeRule::contract, TypeRule::swap}) {
    absl::StrAppend(&text, "| ", std::string(RuleName(rule)), " | ", Cell(RuleMeaning(rule)),
                    " |\n");
  }
  return text;
}

std::string GroupText(const OpGroup& group) {
  std::string text = absl::StrCat("\n## ", group.title,
                                  "\n\n| op | meaning | axes | traits | cost | weight | since "
                                  "|\n|---|---|---|---|--:|--:|--:|\n");
  for (const Op op : group.ops) {
    const OpInfo& info = Info(op);
    absl::StrAppend(&text, "| ", Code(CallText(op)), " | ", Cell(info.doc), " | ",
                    std::string(RuleName(info.rule)), " | ", TraitsText(op), " | ", info.cost,
                    " | ", NumberText(info.weight), " | ", info.since, " |\n");
  }
  return text;
}

std::string ProtectionText() {
  std::string text(kProtected);
  for (const auto& [raw, guarded] : kProtections) {
    absl::StrAppend(&text, "| ", Code(Info(raw).name), " | ", Code(Info(guarded).name), " | ",
                    Cell(Info(guarded).doc), " |\n");
  }
  return text;
}

std::string LionText() {
  std::string text(kLionIntroduction);
  for (const LionFunction& function : kLionFunctions) {
    absl::StrAppend(&text, "| ", Code(function.name), " | ",
                    function.op ? Code(Info(*function.op).name) : std::string(function.otherwise),
                    " |\n");
  }
  return text;
}

}  // namespace

std::string OpsMarkdown() {
  std::string text = absl::StrCat(std::string(kIntroduction), RulesText());
  for (const OpGroup& group : OpGroups()) text += GroupText(group);
  return absl::StrCat(text, ProtectionText(), LionText());
}

}  // namespace lathe
