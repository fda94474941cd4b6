#include "clients/cli/op_reference.h"

#include <algorithm>
#include <array>

namespace lathe {
namespace {

// Elementwise ops go by their place in the table: a group reaches to the first op of the next one.
struct ElementwiseGroup {
  Op first;
  std::string_view title;
};
constexpr std::array<ElementwiseGroup, 6> kElementwiseGroups = {{
    {Op::add, "Core"},
    {Op::fma, "Arithmetic, powers and roots"},
    {Op::exp2, "Exponentials and logarithms"},
    {Op::sin, "Trigonometry"},
    {Op::sigmoid, "Activations"},
    {Op::less, "Comparisons and choice"},
}};

constexpr std::string_view kReductions = "Reductions over named axes";
constexpr std::string_view kWhole = "Reductions over a parameter or the model";
constexpr std::string_view kNormalizations = "Normalizations";
constexpr std::string_view kMatrices = "Matrices";

std::string_view ElementwiseTitle(Op op) {
  std::string_view title = kElementwiseGroups[0].title;
  for (const ElementwiseGroup& group : kElementwiseGroups) {
    if (group.first <= op) title = group.title;
  }
  return title;
}

}  // namespace

std::string_view GroupTitle(Op op) {
  switch (Info(op).rule) {
    case TypeRule::elementwise: return ElementwiseTitle(op);
    case TypeRule::reduce_over: return kReductions;
    case TypeRule::reduce_elements:
    case TypeRule::reduce_model: return kWhole;
    case TypeRule::normalize_over:
    case TypeRule::normalize_model: return kNormalizations;
    case TypeRule::contract:
    case TypeRule::swap: return kMatrices;
  }
  return "";
}

std::vector<OpGroup> OpGroups() {
  std::vector<OpGroup> groups;
  groups.reserve(kElementwiseGroups.size() + 4);
  for (const ElementwiseGroup& group : kElementwiseGroups) {
    groups.push_back({std::string(group.title), {}});
  }
  for (std::string_view title : {kReductions, kWhole, kNormalizations, kMatrices}) {
    groups.push_back({std::string(title), {}});
  }
  for (const Op op : AllOps()) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const OpGroup& candidate) {
      return candidate.title == GroupTitle(op);
    });
    group->ops.push_back(op);
  }
  return groups;
}

std::string CallText(Op op) {
  if (Info(op).rule == TypeRule::contract) return "einsum(a[...], b[...] -> [...])";
  std::string text = std::string(Info(op).name) + "(a";
  for (int i = 1; i < Info(op).arity; ++i) text += std::string(", ") + static_cast<char>('a' + i);
  return text + (NamesAxes(op) ? " over ...)" : ")");
}

std::string TraitsText(Op op) {
  const OpTraits traits = Info(op).traits;
  if (traits.commutative && traits.foldable) return "commutative, foldable";
  return traits.commutative ? "commutative" : traits.foldable ? "foldable" : "none";
}

std::string_view RuleName(TypeRule rule) {
  switch (rule) {
    case TypeRule::elementwise: return "elementwise";
    case TypeRule::reduce_over: return "reduce_over";
    case TypeRule::reduce_elements: return "reduce_elements";
    case TypeRule::reduce_model: return "reduce_model";
    case TypeRule::normalize_over: return "normalize_over";
    case TypeRule::normalize_model: return "normalize_model";
    case TypeRule::contract: return "contract";
    case TypeRule::swap: return "swap";
  }
  return "";
}

std::string_view RuleMeaning(TypeRule rule) {
  switch (rule) {
    case TypeRule::elementwise:
      return "the result has every axis that an operand has; operands are broadcast to it";
    case TypeRule::reduce_over:
      return "removes the axes that the statement names, `sum(x over R,C)`; P takes the others of "
             "a parameter with it";
    case TypeRule::reduce_elements: return "removes every axis but P";
    case TypeRule::reduce_model: return "removes every axis of all operands";
    case TypeRule::normalize_over:
      return "removes none, and looks along the axes that the statement names, `softmax(x over C)`";
    case TypeRule::normalize_model: return "removes none, but looks at the whole model";
    case TypeRule::contract:
      return "names each operand's axes anew and keeps those after the arrow, beside P: "
             "`einsum(a[R,C], b[R',C] -> [R,R'])`; what one operand alone has and the result lacks "
             "is summed out of it first";
    case TypeRule::swap: return "swaps R with R' and C with C', where a value has both";
  }
  return "";
}

}  // namespace lathe
