// lathe prog ops.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/op_reference.h"
#include "clients/cli/prog_commands.h"
#include "clients/cli/program_source.h"
#include "clients/cli/terminal_text.h"
#include "clients/job/closest_name.h"
#include "dsl/text.h"

namespace lathe {
namespace {

std::string ListText() {
  std::string text;
  for (const OpGroup& group : OpGroups()) {
    std::vector<Row> rows;
    for (const Op op : group.ops) rows.push_back({"  " + CallText(op), std::string(Info(op).doc)});
    absl::StrAppend(&text, text.empty() ? "" : "\n", group.title, "\n", Table(rows));
  }
  return text + "\nlathe prog ops NAME tells all about one.\n";
}

// Weights and costs are small; the backquotes of Markdown are not for a terminal.
std::string OpText(Op op) {
  const OpInfo& info = Info(op);
  const std::string rule = absl::StrReplaceAll(std::string(RuleMeaning(info.rule)), {{"`", ""}});
  return absl::StrCat(CallText(op), ": ", std::string(info.doc), "\n") +
         Table({{"  group", std::string(GroupTitle(op))},
                {"  operands", absl::StrCat(info.arity)},
                {"  axes", absl::StrCat(std::string(RuleName(info.rule)), ": ", rule)},
                {"  traits", TraitsText(op)},
                {"  weight", NumberText(info.weight) +
                                 (info.weight == 0 ? ": drawn only where a job names it" : "")},
                {"  cost", absl::StrCat(info.cost, " per element of the operands, in additions")},
                {"  since", absl::StrCat("language ", info.since)},
                {"  C++", std::string(info.cpp)},
                {"  PyTorch", std::string(info.torch)}});
}

Json OpJson(Op op) {
  const OpInfo& info = Info(op);
  return {{"name", std::string(info.name)},
          {"group", std::string(GroupTitle(op))},
          {"arity", info.arity},
          {"type_rule", std::string(RuleName(info.rule))},
          {"commutative", info.traits.commutative},
          {"foldable", info.traits.foldable},
          {"weight", info.weight},
          {"cost", info.cost},
          {"since", info.since},
          {"cpp", std::string(info.cpp)},
          {"torch", std::string(info.torch)},
          {"doc", std::string(info.doc)}};
}

int UnknownOp(const std::string& name) {
  std::vector<std::string> names;
  for (const Op op : AllOps()) names.emplace_back(Info(op).name);
  TellError(absl::StrCat("there is no op \"", name, "\"", Suggestion(name, names),
                         "; lathe prog ops lists them"));
  return kWrongUsage;
}

}  // namespace

int ProgOps(const std::string& name, bool json, bool markdown) {
  if (markdown) return WriteOutput(OpsMarkdown());
  if (!name.empty()) {
    const std::optional<Op> op = OpByName(name);
    if (!op) return UnknownOp(name);
    return WriteOutput(json ? JsonLine(OpJson(*op)) : OpText(*op));
  }
  if (!json) return WriteOutput(ListText());
  Json ops = Json::array();
  for (const Op op : AllOps()) ops.push_back(OpJson(op));
  return WriteOutput(JsonLine({{"ops", ops}}));
}

}  // namespace lathe
