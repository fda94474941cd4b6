// An optimizer as a class that derives from torch::optim::Optimizer, with options and states that
// are saved and loaded with it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dsl/export/cpp.h"
#include "dsl/export/cpp_optimizer_types.h"
#include "dsl/export/optimizer_body.h"

namespace lathe {
namespace {

constexpr std::string_view kAbout =
    R"(// w <- w - update, with the update that the program computes. A parameter of shape [d0, d1, ...]
// is a matrix of d0 rows; scalars and vectors have one column. Parameters without a gradient take no
// part in a step: nothing reduces over them, and their states stay. Reductions over the model go
// over all groups. Half precision is updated in float32, in which states are kept.
)";

constexpr std::string_view kCheckParameters = R"(    for (const torch::Tensor& p : group.params()) {
      TORCH_CHECK(p.is_floating_point() && p.layout() == torch::kStrided, "a parameter of shape ",
                  p.sizes(), " is ", p.scalar_type(), " and ", p.layout(),
                  "; parameters have to be real and dense");
      TORCH_CHECK(!p.grad().defined() || p.grad().layout() == torch::kStrided,
                  "a parameter of shape ", p.sizes(),
                  " has a sparse gradient; gradients have to be dense");
    }
  }
)";

class CppOptimizerWriter {
 public:
  explicit CppOptimizerWriter(const ExportedProgram& program)
      : program_(program),
        name_(CppClass(program)),
        expressions_(program, ExportLanguage::kCpp),
        lines_(2) {
    keeps_states_ = std::ranges::any_of(OfProgram().states,
                                        [](const State& s) { return s.axes.Has(Axis::kP); });
  }

  std::string Run() {
    AddCppOptimizerOptions(program_, lines_);
    if (keeps_states_) AddCppOptimizerState(program_, lines_);
    lines_.AddBlock(kAbout);
    lines_.Add("class " + name_ + " : public torch::optim::Optimizer {");
    lines_.Add(" public:");
    lines_.In();
    AddConstructors();
    AddStep();
    AddSave();
    AddLoad();
    AddPrivate();
    lines_.Out();
    lines_.Add("};");
    return lines_.Text();
  }

 private:
  const Program& OfProgram() const { return *program_.program; }
  static bool IsOfGroup(const State& state) { return !state.axes.Has(Axis::kP); }
  static bool IsNumber(AxisSet type) { return type.Within(kElementAxes).Empty(); }

  void AddConstructors() {
    const std::string options = name_ + "Options";
    lines_.Add(absl::StrCat(name_, "(std::vector<torch::optim::OptimizerParamGroup> of, const ",
                            options, "& options)"));
    lines_.Add(absl::StrCat("    : torch::optim::Optimizer(std::move(of), std::make_unique<",
                            options, ">(options)) {"));
    lines_.Add("  for (torch::optim::OptimizerParamGroup& group : param_groups_) check(group);");
    lines_.Add("}");
    lines_.Add(
        absl::StrCat(name_, "(std::vector<torch::Tensor> of, const ", options, "& options)"));
    lines_.Add(absl::StrCat("    : ", name_,
                            "(std::vector{torch::optim::OptimizerParamGroup(std::move(of))}, "
                            "options) {}"));
    lines_.Add("");
  }

  void AddStep() {
    lines_.Add(
        "torch::Tensor step(torch::optim::Optimizer::LossClosure closure = nullptr) override {");
    lines_.In();
    lines_.Add("torch::NoGradGuard no_grad;");
    lines_.Add("torch::Tensor loss;");
    lines_.Add("if (closure != nullptr) {");
    lines_.Add("  torch::AutoGradMode enable_grad(true);");
    lines_.Add("  loss = closure();");
    lines_.Add("}");
    lines_.Add("for (torch::optim::OptimizerParamGroup& group : param_groups_) check(group);");
    if (program_.HasModelReductions()) AddGroups();
    for (int stage = 0; stage <= program_.LastStage(); ++stage) AddStage(stage);
    lines_.Add("return loss;");
    lines_.Out();
    lines_.Add("}");
    lines_.Add("");
  }

  void AddGroups() {
    lines_.Add("std::vector<Group> groups;");
    lines_.Add("for (torch::optim::OptimizerParamGroup& group : param_groups_) {");
    lines_.Add("  Group of;");
    lines_.Add(absl::StrCat("  of.options = static_cast<", name_, "Options*>(&group.options());"));
    lines_.Add(
        "  for (const torch::Tensor& p : with_gradient(group)) of.slots.emplace_back().p = p;");
    lines_.Add("  if (!of.slots.empty()) groups.push_back(std::move(of));");
    lines_.Add("}");
    lines_.Add("if (groups.empty()) return loss;");
  }

  void AddStage(int stage) {
    const std::vector<std::string> inner = ParameterLines(stage);
    const std::vector<std::string> outer = GroupLines(stage, inner);
    if (!inner.empty() || !outer.empty()) {
      AddGroupLoop(Mentions(inner, "options") || Mentions(outer, "options"));
      lines_.In();
      for (const std::string& line : outer) lines_.Add(line);
      if (!inner.empty()) AddParameterLoop(inner);
      lines_.Out();
      lines_.Add("}");
    }
    for (const int place : program_.stages[stage].over_model) AddOverModel(program_.values[place]);
  }

  static bool Mentions(const std::vector<std::string>& lines, std::string_view word) {
    return std::ranges::any_of(lines, [&](const std::string& line) { return HasWord(line, word); });
  }

  void AddGroupLoop(bool reads_options) {
    if (program_.HasModelReductions()) {
      lines_.Add("for (Group& of : groups) {");
      if (reads_options) lines_.Add(absl::StrCat("  ", name_, "Options& options = *of.options;"));
      return;
    }
    lines_.Add("for (torch::optim::OptimizerParamGroup& group : param_groups_) {");
    lines_.Add("  const std::vector<torch::Tensor> params = with_gradient(group);");
    lines_.Add("  if (params.empty()) continue;");
    if (reads_options) {
      lines_.Add(
          absl::StrCat("  auto& options = static_cast<", name_, "Options&>(group.options());"));
    }
  }

  void AddParameterLoop(const std::vector<std::string>& inner) {
    if (program_.HasModelReductions()) {
      lines_.Add("for (Slot& at : of.slots) {");
      if (Mentions(inner, "p") || Mentions(inner, "R") || Mentions(inner, "C") ||
          Mentions(inner, "state")) {
        lines_.Add("  const torch::Tensor& p = at.p;");
      }
    } else {
      lines_.Add("for (const torch::Tensor& p : params) {");
    }
    lines_.In();
    if (Mentions(inner, "R") || Mentions(inner, "C")) {
      lines_.Add("const auto [R, C] = matrix_shape(p);");
    }
    if (Mentions(inner, "state")) lines_.Add(name_ + "State& state = state_of(p);");
    for (const std::string& line : inner) lines_.Add(line);
    lines_.Out();
    lines_.Add("}");
  }

  // "const double c1", or "of.c1" of a member.
  std::string Declared(const ExportedValue& value) const {
    if (value.kept) return (value.level == Level::kGroup ? "of." : "at.") + value.name;
    return (value.IsNumber() ? "const double " : "const torch::Tensor ") + value.name;
  }

  std::vector<std::string> GroupLines(int stage, const std::vector<std::string>& inner) {
    std::vector<Definition> definitions;
    for (const int place : program_.stages[stage].group_values) {
      const ExportedValue& value = program_.values[place];
      const std::string text =
          value.IsInstruction() ? expressions_.Of(value) : "options." + value.name + "()";
      definitions.push_back({&value, Declared(value), text});
    }
    std::vector<std::string> rest = inner, moves;
    if (stage == program_.LastStage()) {
      for (size_t i = 0; i < OfProgram().states.size(); ++i) {
        const State& state = OfProgram().states[i];
        if (!IsOfGroup(state)) continue;
        const std::string next = expressions_.Reference(state.next, Level::kGroup);
        rest.push_back(next);
        moves.push_back(absl::StrCat("options.", program_.state_names[i], "(", next, ");"));
      }
    }
    std::vector<std::string> lines;
    if (stage == 0 && program_.Reads("t")) lines.emplace_back("options.t(options.t() + 1.0);");
    for (const Definition& d : WithoutUnread(std::move(definitions), rest)) {
      lines.push_back(d.name + " = " + d.text + ";");
    }
    lines.insert(lines.end(), moves.begin(), moves.end());
    return lines;
  }

  std::vector<std::string> ParameterLines(int stage) {
    std::vector<Definition> definitions;
    for (const int place : program_.stages[stage].parameter_values) {
      const ExportedValue& value = program_.values[place];
      definitions.push_back(
          {&value, Declared(value),
           value.IsInstruction() ? expressions_.Of(value) : ParameterLeaf(value)});
    }
    const std::vector<std::string> rest =
        stage == program_.LastStage() ? UpdateLines() : std::vector<std::string>();
    std::vector<std::string> lines;
    for (const Definition& d : WithoutUnread(std::move(definitions), rest)) {
      lines.push_back(d.name + " = " + d.text + ";");
    }
    lines.insert(lines.end(), rest.begin(), rest.end());
    return lines;
  }

  std::string ParameterLeaf(const ExportedValue& value) const {
    if (value.operand.kind == Operand::Kind::kState) {
      return value.type == kModelAxes ? "matrix(state." + value.name + ")" : "state." + value.name;
    }
    const std::string_view input = OfProgram().signature->inputs[value.operand.index].name;
    if (input == "w") return "matrix(p)";
    if (input == "g") return "matrix(options.maximize() ? -p.grad() : p.grad())";
    return input == "rows" ? "static_cast<double>(R)" : "static_cast<double>(C)";
  }

  std::vector<std::string> UpdateLines() const {
    std::vector<std::string> copies, moves;
    for (const StateMove& move : StateMoves(program_, expressions_)) {
      const State& state = OfProgram().states[move.state];
      const std::string& name = program_.state_names[move.state];
      if (IsNumber(state.axes)) {
        copies.push_back(absl::StrCat("const double next_of_", name, "_ = ", move.next, ";"));
        moves.push_back(absl::StrCat("state.", name, " = next_of_", name, "_;"));
        continue;
      }
      const std::string own = expressions_.Reference(Operand::State(move.state), Level::kParameter);
      if (move.aliases) {
        copies.push_back(
            absl::StrCat("const torch::Tensor next_of_", name, "_ = ", move.next, ".clone();"));
      }
      moves.push_back(
          absl::StrCat(own, ".copy_(", move.aliases ? "next_of_" + name + "_" : move.next, ");"));
    }
    copies.push_back("p.sub_(" + Update() + ");");
    copies.insert(copies.end(), moves.begin(), moves.end());
    return copies;
  }

  std::string Update() const {
    const Operand& output = OfProgram().outputs[0];
    const std::string update = expressions_.Reference(output, Level::kParameter);
    if (UpdateIsFull(program_)) return update + ".reshape(p.sizes())";
    if (IsNumber(program_.TypeOf(output))) return update;
    return update + ".expand({R, C}).reshape(p.sizes())";
  }

  void AddOverModel(const ExportedValue& value) {
    if (!value.type.Has(Axis::kP)) {
      lines_.Add(absl::StrCat("const double ", value.name, " = ", expressions_.Of(value), ";"));
      return;
    }
    lines_.Add("{");
    lines_.Add(
        absl::StrCat("  const std::vector<torch::Tensor> results = ", expressions_.Of(value), ";"));
    lines_.Add("  size_t i = 0;");
    lines_.Add("  for (Group& of : groups) {");
    lines_.Add(absl::StrCat("    for (Slot& at : of.slots) at.", value.name, " = results[i++]",
                            value.IsNumber() ? ".item<double>();" : ";"));
    lines_.Add("  }");
    lines_.Add("}");
  }

  void AddSave() {
    lines_.Add("void save(torch::serialize::OutputArchive& archive) const override {");
    lines_.In();
    lines_.Add(
        "archive.write(\"groups\", torch::IValue(static_cast<int64_t>(param_groups_.size())));");
    lines_.Add("for (size_t i = 0; i < param_groups_.size(); ++i) {");
    lines_.In();
    lines_.Add("torch::serialize::OutputArchive group(archive.compilation_unit());");
    lines_.Add("param_groups_[i].options().serialize(group);");
    if (keeps_states_) {
      lines_.Add("for (size_t j = 0; j < param_groups_[i].params().size(); ++j) {");
      lines_.Add("  const auto kept = state_.find(key_in(state_, param_groups_[i].params()[j]));");
      lines_.Add("  if (kept == state_.end()) continue;");
      lines_.Add("  torch::serialize::OutputArchive state(archive.compilation_unit());");
      lines_.Add("  kept->second->serialize(state);");
      lines_.Add("  group.write(\"state_\" + std::to_string(j), state);");
      lines_.Add("}");
    }
    lines_.Add("archive.write(\"group_\" + std::to_string(i), group);");
    lines_.Out();
    lines_.Add("}");
    lines_.Out();
    lines_.Add("}");
    lines_.Add("");
  }

  void AddLoad() {
    lines_.Add("void load(torch::serialize::InputArchive& archive) override {");
    lines_.In();
    lines_.Add("torch::IValue groups;");
    lines_.Add("archive.read(\"groups\", groups);");
    lines_.Add("TORCH_CHECK(groups.toInt() == static_cast<int64_t>(param_groups_.size()),");
    lines_.Add(
        "            \"saved with \", groups.toInt(), \" groups of parameters, here are \",");
    lines_.Add("            param_groups_.size());");
    lines_.Add("for (size_t i = 0; i < param_groups_.size(); ++i) {");
    lines_.In();
    lines_.Add("torch::serialize::InputArchive group;");
    lines_.Add("archive.read(\"group_\" + std::to_string(i), group);");
    lines_.Add("param_groups_[i].options().serialize(group);");
    if (keeps_states_) {
      lines_.Add("for (size_t j = 0; j < param_groups_[i].params().size(); ++j) {");
      lines_.Add("  const torch::Tensor& p = param_groups_[i].params()[j];");
      lines_.Add("  torch::serialize::InputArchive state;");
      lines_.Add("  if (group.try_read(\"state_\" + std::to_string(j), state)) {");
      lines_.Add("    state_of(p).serialize(state);");
      lines_.Add("  } else {");
      lines_.Add("    state_.erase(key_in(state_, p));  // it had taken no step");
      lines_.Add("  }");
      lines_.Add("}");
    }
    lines_.Out();
    lines_.Add("}");
    lines_.Out();
    lines_.Add("}");
    lines_.Add("");
  }

  void AddPrivate() {
    lines_.Out();
    lines_.Add(" private:");
    lines_.In();
    if (program_.HasModelReductions()) AddSlotTypes();
    lines_.Add("static void check(torch::optim::OptimizerParamGroup& group) {");
    lines_.In();
    lines_.Add(absl::StrCat("auto* of = dynamic_cast<", name_, "Options*>(&group.options());"));
    lines_.Add(absl::StrCat("TORCH_CHECK(of != nullptr, \"the options of a group have to be ",
                            name_, "Options\");"));
    if (!program_.hyper_names.empty()) {
      lines_.Add(absl::StrCat("const ", name_, "Options& options = *of;"));
      AddCppRangeChecks(program_, lines_);
    }
    if (program_.Reads("total_steps")) {
      lines_.Add("TORCH_CHECK(of->total_steps() > 0, \"total_steps has to be set\");");
    }
    lines_.AddBlock(kCheckParameters);
    lines_.Out();
    if (keeps_states_) AddStateOf();
  }

  void AddSlotTypes() {
    lines_.Add("// What one loop over the parameters leaves for the next.");
    lines_.Add("struct Slot {");
    lines_.Add("  torch::Tensor p;");
    AddKept(Level::kParameter);
    lines_.Add("};");
    lines_.Add("struct Group {");
    lines_.Add("  " + name_ + "Options* options = nullptr;");
    lines_.Add("  std::vector<Slot> slots;");
    AddKept(Level::kGroup);
    lines_.Add("};");
    lines_.Add("");
  }

  void AddKept(Level level) {
    for (const ExportedValue& value : program_.values) {
      if (!value.kept || value.level != level) continue;
      lines_.Add(absl::StrCat("  ", value.IsNumber() ? "double " : "torch::Tensor ", value.name,
                              value.IsNumber() ? " = 0;" : ";"));
    }
  }

  void AddStateOf() {
    lines_.Add("");
    lines_.Add(name_ + "State& state_of(const torch::Tensor& p) {");
    lines_.In();
    lines_.Add("auto& kept = state_[key_in(state_, p)];");
    lines_.Add("if (kept == nullptr) {");
    lines_.In();
    lines_.Add(absl::StrCat("auto state = std::make_unique<", name_, "State>();"));
    const bool of_shape = std::ranges::any_of(OfProgram().states, [](const State& state) {
      return !IsNumber(state.axes) && !(state.axes == kModelAxes);
    });
    if (of_shape) lines_.Add("const auto [R, C] = matrix_shape(p);");
    for (size_t i = 0; i < OfProgram().states.size(); ++i) {
      const State& state = OfProgram().states[i];
      if (IsNumber(state.axes)) continue;
      lines_.Add(absl::StrCat("state->", program_.state_names[i], " = ", Start(state), ";"));
    }
    lines_.Add("kept = std::move(state);");
    lines_.Out();
    lines_.Add("}");
    lines_.Add("return static_cast<" + name_ + "State&>(*kept);");
    lines_.Out();
    lines_.Add("}");
  }

  std::string Start(const State& state) const {
    if (state.start_from_input) {
      return "p.detach().to(wide(p), /*non_blocking=*/false, /*copy=*/true).contiguous()";
    }
    const std::string shape =
        state.axes == kModelAxes ? "p.sizes()" : expressions_.ShapeText(state.axes);
    return absl::StrCat("torch::full(", shape, ", ", NumberLiteral(state.start),
                        ", p.options().dtype(wide(p)))");
  }

  const ExportedProgram& program_;
  const std::string name_;
  const Expressions expressions_;
  SourceLines lines_;
  bool keeps_states_ = false;
};

}  // namespace

std::string CppOptimizer(const ExportedProgram& program) {
  return CppOptimizerWriter(program).Run();
}

}  // namespace lathe
