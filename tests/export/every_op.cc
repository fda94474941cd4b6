#include "tests/export/every_op.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "dsl/op.h"

namespace lathe {
namespace {

// What an op reads, one after the other.
using Names = std::array<std::string_view, 3>;

std::string Call(Op op, const Names& names, std::string_view over) {
  const OpInfo& info = Info(op);
  if (info.rule == TypeRule::contract) {
    if (names[0] == "w") return "einsum(w[R,C], g[R',C] -> [R,R'])";
    return absl::StrCat("einsum(", std::string(names[0]), "[], ", std::string(names[1]),
                        "[] -> [])");
  }
  std::string text = absl::StrCat(std::string(info.name), "(", std::string(names[0]));
  for (int i = 1; i < info.arity; ++i) absl::StrAppend(&text, ", ", std::string(names[i]));
  if (NamesAxes(op)) absl::StrAppend(&text, " over ", std::string(over));
  return text + ")";
}

std::string StateType(Op op, std::string_view type) {
  return std::string(Info(op).rule == TypeRule::contract && type == "[P,R,C]" ? "[P,R,R']" : type);
}

// Half of the ops: a program has at most 64 states.
std::string Optimizer(const std::string& name, bool second_half, const Names& names,
                      std::string_view over, std::string_view type) {
  std::string states, moves;
  for (const Op op : AllOps()) {
    if ((static_cast<int>(op) < kOpCount / 2) == second_half) continue;
    const std::string own(Info(op).name);
    absl::StrAppend(&states, "state of_", own, StateType(op, type), " = 0\n");
    absl::StrAppend(&moves, "next of_", own, " = ", Call(op, names, over), "\n");
  }
  return absl::StrCat("lathe 1 optimizer ", name,
                      "\ninput w[P,R,C] g[P,R,C] lr[] t[] rows[P] cols[P]\n"
                      "hyper half = 0.5 in (0, 1)\n",
                      states, "ratio = div(rows, cols)\nupdate = mul(g, lr)\n", moves);
}

// With values that have the names of functions in the header.
constexpr const char* kCalledAsAnOp =
    "\ninput g[P,R,C] lr[]\nhyper op_max = 0.5\nstate m[P,R,C] = 0\n"
    "op_min = max(op_max, lr)\nop_sign = min(op_min, 1)\nm2 = mul(g, op_sign)\n"
    "update = mul(m2, lr)\nnext m = m2\n";

}  // namespace

std::vector<std::pair<std::string, std::string>> EveryOpPrograms() {
  std::vector<std::pair<std::string, std::string>> programs;
  const auto add = [&](const std::string& name, const Names& names, const char* over,
                       const char* type) {
    for (const bool second_half : {false, true}) {
      const std::string own = name + (second_half ? "_b" : "_a");
      programs.emplace_back(own, Optimizer(own, second_half, names, over, type));
    }
  };
  add("ops_of_tensors", {"w", "g", "half"}, "C", "[P,R,C]");
  add("ops_with_a_mix", {"w", "0.25", "g"}, "R,C", "[P,R,C]");
  add("ops_of_parameters", {"ratio", "rows", "half"}, "R", "[P]");
  add("ops_of_numbers", {"lr", "half", "t"}, "C", "[]");
  add("ops_over_the_model", {"w", "g", "lr"}, "P,R,C", "[P,R,C]");
  for (const char* name : {"optimizer", "loss_closure"}) {
    programs.emplace_back(name, absl::StrCat("lathe 1 optimizer ", name, kCalledAsAnOp));
  }
  return programs;
}

}  // namespace lathe
