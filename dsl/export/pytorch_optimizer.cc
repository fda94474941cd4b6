// An optimizer as a class that derives from torch.optim.Optimizer.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dsl/export/optimizer_body.h"
#include "dsl/export/pytorch.h"

namespace lathe {
namespace {

constexpr std::string_view kAbout =
    R"(    """w <- w - update, with the update that the program computes.

    A parameter of shape [d0, d1, ...] is a matrix of d0 rows; scalars and vectors have one column.
    Parameters without a gradient take no part in a step: nothing reduces over them, and their
    states stay. Reductions over the model go over all groups. Parameters of half precision are
    updated in float32, in which their states are kept. Hypers may be set for each group.
    """

)";

constexpr std::string_view kCheck = R"(    def check(self, group):
        """ValueError for a hyper out of its range, and for what cannot be updated."""
        for name, (has, text) in self.RANGES.items():
            if not has(group[name]):
                raise ValueError(f"the hyper {name} is {group[name]:g}, which is not in its range "
                                 f"{text}")
)";

constexpr std::string_view kCheckParameters =
    R"(        for place, p in enumerate(group["params"]):
            if not p.is_floating_point() or p.layout != torch.strided:
                raise ValueError(f"parameter {place} of the group is {p.dtype} and {p.layout}; "
                                 "parameters have to be real and dense")
            if p.grad is not None and p.grad.layout != torch.strided:
                raise ValueError(f"parameter {place} of the group, of shape {tuple(p.shape)}, has "
                                 "a sparse gradient; gradients have to be dense")

)";

constexpr std::string_view kAddGroup = R"(    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        try:
            self.check(self.param_groups[-1])
        except Exception:
            self.param_groups.pop()
            raise

)";

constexpr std::string_view kLoad = R"(
    @torch.no_grad()
    def load_state_dict(self, state_dict):
        """As torch has it, but states take the type that the parameters here need."""
        saved = [state_dict["state"].get(place, {})
                 for group in state_dict["param_groups"] for place in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        starts = [self.start(p) if state else {} for p, state in zip(params, saved)]
        for place, (start, state) in enumerate(zip(starts, saved)):
            needed = {name: list(value.shape) for name, value in start.items()}
            given = {name: list(value.shape) for name, value in state.items()}
            if given != needed:
                raise ValueError(f"the saved state of parameter {place} has the shapes {given}, "
                                 f"the parameter needs {needed}")
        super().load_state_dict(state_dict)
        for p, start, state in zip(params, starts, saved):
            for name, value in start.items():
                self.state[p][name] = value.copy_(state[name])
)";

class PytorchOptimizerWriter {
 public:
  explicit PytorchOptimizerWriter(const ExportedProgram& program)
      : program_(program), expressions_(program, ExportLanguage::kPython), lines_(4) {
    keeps_states_ = !std::ranges::all_of(OfProgram().states, IsOfGroup);
  }

  std::string Run() {
    lines_.Add("class " + PytorchClass(program_) + "(torch.optim.Optimizer):");
    lines_.In();
    lines_.AddBlock(kAbout);
    AddPytorchRanges(program_, lines_);
    AddConstructor();
    lines_.AddBlock(kAddGroup);
    if (!program_.hyper_names.empty()) lines_.AddBlock(kCheck);
    if (program_.hyper_names.empty()) {
      lines_.Add("def check(self, group):");
      lines_.Add("    \"\"\"ValueError for what cannot be updated.\"\"\"");
    }
    lines_.AddBlock(kCheckParameters);
    if (keeps_states_) AddStart();
    AddStep();
    if (keeps_states_) lines_.AddBlock(kLoad);
    return lines_.Text();
  }

 private:
  const Program& OfProgram() const { return *program_.program; }
  std::string Quoted(const std::string& name) const { return "\"" + name + "\""; }
  static bool IsOfGroup(const State& state) { return !state.axes.Has(Axis::kP); }

  void AddConstructor() {
    const bool total = program_.Reads("total_steps");
    AddWrapped(lines_, "def __init__(",
               absl::StrCat("self, params, lr, *", total ? ", total_steps" : "",
                            PytorchHyperParameters(program_), ", maximize=False"),
               "):");
    std::vector<std::string> items = {"\"lr\": lr"};
    if (total) items.emplace_back("\"total_steps\": total_steps");
    for (const std::string& name : program_.hyper_names) {
      items.push_back(absl::StrCat(Quoted(name), ": ", name));
    }
    items.emplace_back("\"maximize\": maximize");
    if (program_.Reads("t")) items.emplace_back("\"t\": 0");
    for (size_t i = 0; i < OfProgram().states.size(); ++i) {
      const State& state = OfProgram().states[i];
      if (!IsOfGroup(state)) continue;
      items.push_back(absl::StrCat(Quoted(program_.state_names[i]), ": number(",
                                   NumberLiteral(state.start), ")"));
    }
    lines_.In();
    AddWrapped(lines_, "super().__init__(params, {", absl::StrJoin(items, ", "), "})");
    lines_.Out();
    lines_.Add("");
  }

  void AddStep() {
    lines_.Add("@torch.no_grad()");
    lines_.Add("def step(self, closure=None):");
    lines_.In();
    lines_.Add(
        "\"\"\"One step of all parameters with a gradient. `closure` computes the loss "
        "anew.\"\"\"");
    lines_.Add("loss = None");
    lines_.Add("if closure is not None:");
    lines_.Add("    with torch.enable_grad():");
    lines_.Add("        loss = closure()");
    lines_.Add("for group in self.param_groups:");
    lines_.Add("    self.check(group)");
    if (program_.HasModelReductions()) AddSlots();
    for (int stage = 0; stage <= program_.LastStage(); ++stage) AddStage(stage);
    lines_.Add("return loss");
    lines_.Out();
  }

  void AddSlots() {
    lines_.Add("groups = []");
    lines_.Add("for group in self.param_groups:");
    lines_.Add(
        "    slots = [SimpleNamespace(p=p) for p in group[\"params\"] if p.grad is not None]");
    lines_.Add("    if slots:");
    lines_.Add("        groups.append(SimpleNamespace(group=group, slots=slots))");
    lines_.Add("if not groups:");
    lines_.Add("    return loss");
    lines_.Add("slots = [at for of in groups for at in of.slots]");
  }

  void AddStage(int stage) {
    const std::vector<std::string> inner = ParameterLines(stage);
    const std::vector<std::string> outer = GroupLines(stage, inner);
    if (!inner.empty() || !outer.empty()) {
      AddGroupLoop(inner, outer);
      lines_.In();
      for (const std::string& line : outer) lines_.Add(line);
      if (!inner.empty()) AddParameterLoop(stage, inner);
      lines_.Out();
    }
    for (const int place : program_.stages[stage].over_model) AddOverModel(program_.values[place]);
  }

  void AddGroupLoop(const std::vector<std::string>& inner, const std::vector<std::string>& outer) {
    if (program_.HasModelReductions()) {
      lines_.Add("for of in groups:");
      if (Mentions(inner, "group") || Mentions(outer, "group")) lines_.Add("    group = of.group");
      return;
    }
    lines_.Add("for group in self.param_groups:");
    lines_.Add("    params = [p for p in group[\"params\"] if p.grad is not None]");
    lines_.Add("    if not params:");
    lines_.Add("        continue");
  }

  static bool Mentions(const std::vector<std::string>& lines, std::string_view word) {
    return std::ranges::any_of(lines, [&](const std::string& line) { return HasWord(line, word); });
  }

  void AddParameterLoop(int stage, const std::vector<std::string>& inner) {
    lines_.Add(program_.HasModelReductions() ? "for at in of.slots:" : "for p in params:");
    lines_.In();
    const bool starts = stage == 0 && keeps_states_;
    const bool of_shape = Mentions(inner, "R") || Mentions(inner, "C");
    if (program_.HasModelReductions() &&
        (starts || of_shape || Mentions(inner, "p") || Mentions(inner, "state"))) {
      lines_.Add("p = at.p");
    }
    if (of_shape) lines_.Add("R, C = matrix_shape(p)");
    if (starts || Mentions(inner, "state")) lines_.Add("state = self.state[p]");
    if (starts) {
      lines_.Add("if not state:");
      lines_.Add("    state.update(self.start(p))");
    }
    for (const std::string& line : inner) lines_.Add(line);
    lines_.Out();
  }

  bool StartsHaveShape() const {
    return std::ranges::any_of(OfProgram().states, [](const State& state) {
      return !state.axes.Within(kElementAxes).Empty() && !(state.axes == kModelAxes);
    });
  }

  void AddStart() {
    lines_.Add("def start(self, p):");
    lines_.In();
    lines_.Add("\"\"\"What is kept for a parameter, before its first step.\"\"\"");
    if (StartsHaveShape()) lines_.Add("R, C = matrix_shape(p)");
    lines_.Add("return {");
    for (size_t i = 0; i < OfProgram().states.size(); ++i) {
      const State& state = OfProgram().states[i];
      if (IsOfGroup(state)) continue;
      lines_.Add(absl::StrCat("    ", Quoted(program_.state_names[i]), ": ", Start(state), ","));
    }
    lines_.Add("}");
    lines_.Out();
    lines_.Add("");
  }

  std::string Start(const State& state) const {
    const std::string start = NumberLiteral(state.start);
    if (state.start_from_input) return "p.to(wide(p), copy=True).contiguous()";
    if (state.axes.Within(kElementAxes).Empty()) {
      return absl::StrCat("torch.full((), ", start,
                          ", dtype=number_type(p.device), device=p.device)");
    }
    const std::string shape =
        state.axes == kModelAxes ? "p.shape" : expressions_.ShapeText(state.axes);
    return absl::StrCat("torch.full(", shape, ", ", start, ", dtype=wide(p), device=p.device)");
  }

  std::vector<std::string> GroupLines(int stage, const std::vector<std::string>& inner) {
    std::vector<Definition> definitions;
    for (const int place : program_.stages[stage].group_values) {
      const ExportedValue& value = program_.values[place];
      definitions.push_back({&value, (value.kept ? "of." : "") + value.name,
                             value.IsInstruction() ? expressions_.Of(value) : GroupLeaf(value)});
    }
    std::vector<std::string> rest = inner, moves;
    if (stage == program_.LastStage()) {
      for (size_t i = 0; i < OfProgram().states.size(); ++i) {
        const State& state = OfProgram().states[i];
        if (!IsOfGroup(state)) continue;
        moves.push_back(absl::StrCat("group[", Quoted(program_.state_names[i]), "] = ",
                                     expressions_.TensorReference(state.next, Level::kGroup)));
        rest.push_back(expressions_.TensorReference(state.next, Level::kGroup));
      }
    }
    std::vector<std::string> lines;
    if (stage == 0 && program_.Reads("t")) lines.emplace_back("group[\"t\"] += 1");
    for (const Definition& d : WithoutUnread(std::move(definitions), rest)) {
      lines.push_back(d.name + " = " + d.text);
    }
    lines.insert(lines.end(), moves.begin(), moves.end());
    return lines;
  }

  std::string GroupLeaf(const ExportedValue& value) const {
    const std::string entry = "group[" + Quoted(value.name) + "]";
    return value.operand.kind == Operand::Kind::kState ? entry : "number(" + entry + ")";
  }

  std::vector<std::string> ParameterLines(int stage) {
    std::vector<Definition> definitions;
    for (const int place : program_.stages[stage].parameter_values) {
      const ExportedValue& value = program_.values[place];
      definitions.push_back(
          {&value, (value.kept ? "at." : "") + value.name,
           value.IsInstruction() ? expressions_.Of(value) : ParameterLeaf(value)});
    }
    const std::vector<std::string> rest =
        stage == program_.LastStage() ? UpdateLines() : std::vector<std::string>();
    std::vector<std::string> lines;
    for (const Definition& d : WithoutUnread(std::move(definitions), rest)) {
      lines.push_back(d.name + " = " + d.text);
    }
    lines.insert(lines.end(), rest.begin(), rest.end());
    return lines;
  }

  std::string ParameterLeaf(const ExportedValue& value) const {
    if (value.operand.kind == Operand::Kind::kState) {
      const std::string entry = "state[" + Quoted(value.name) + "]";
      return value.type == kModelAxes ? "matrix(" + entry + ")" : entry;
    }
    const std::string_view input = OfProgram().signature->inputs[value.operand.index].name;
    if (input == "w") return "matrix(p)";
    if (input == "g") return "matrix(-p.grad if group[\"maximize\"] else p.grad)";
    return input == "rows" ? "number(R)" : "number(C)";
  }

  std::vector<std::string> UpdateLines() const {
    const std::vector<StateMove> moves = StateMoves(program_, expressions_);
    std::vector<std::string> lines;
    for (const StateMove& move : moves) {
      // No name of a program begins with an underscore.
      if (move.aliases) {
        lines.push_back(
            absl::StrCat("_", program_.state_names[move.state], " = ", move.next, ".clone()"));
      }
    }
    lines.push_back("p.sub_(" + Update() + ")");
    for (const StateMove& move : moves) {
      const State& state = OfProgram().states[move.state];
      const std::string& name = program_.state_names[move.state];
      const std::string next = move.aliases ? "_" + name
                               : state.next.IsConstant()
                                   ? expressions_.TensorReference(state.next, Level::kParameter)
                                   : move.next;
      lines.push_back(absl::StrCat("state[", Quoted(name), "].copy_(", next,
                                   state.axes == kModelAxes ? ShapeOf(state.next) : "", ")"));
    }
    return lines;
  }

  std::string Update() const {
    const Operand& output = OfProgram().outputs[0];
    return expressions_.Reference(output, Level::kParameter) + ShapeOf(output);
  }

  // What gives a matrix the shape of its parameter; nothing for a number.
  std::string ShapeOf(const Operand& operand) const {
    const AxisSet type = program_.TypeOf(operand);
    if (type == kModelAxes) return ".reshape(p.shape)";
    return type.Within(kElementAxes).Empty() ? "" : ".expand(R, C).reshape(p.shape)";
  }

  void AddOverModel(const ExportedValue& value) {
    if (!value.type.Has(Axis::kP)) {
      lines_.Add(absl::StrCat(value.name, " = ", expressions_.Of(value)));
      return;
    }
    lines_.Add(absl::StrCat("for at, result in zip(slots, ", expressions_.Of(value), "):"));
    lines_.Add(absl::StrCat("    at.", value.name, " = result"));
  }

  const ExportedProgram& program_;
  const Expressions expressions_;
  SourceLines lines_;
  bool keeps_states_ = false;
};

}  // namespace

std::string PytorchOptimizer(const ExportedProgram& program) {
  return PytorchOptimizerWriter(program).Run();
}

}  // namespace lathe
