#include "dsl/export/lowering.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dsl/export/safe_names.h"

namespace lathe {
namespace {

// Those that an output or a state's next value depends on.
std::vector<bool> LiveInstructions(const Program& program) {
  std::vector<bool> live(program.instructions.size(), false);
  const auto mark = [&](const Operand& operand) {
    if (operand.kind == Operand::Kind::kInstruction) live[operand.index] = true;
  };
  for (const Operand& output : program.outputs) mark(output);
  for (const State& state : program.states) mark(state.next);
  for (size_t i = program.instructions.size(); i-- > 0;) {
    if (!live[i]) continue;
    const Instruction& instruction = program.instructions[i];
    for (int k = 0; k < instruction.Arity(); ++k) mark(instruction.operands[k]);
  }
  return live;
}

class Lowering {
 public:
  Lowering(const Program& program, const std::string& name, ReservedWords reserved)
      : names_(reserved) {
    out_.program = &program;
    out_.name = SafeNames({}).Take(name.empty() ? program.name : name);
    if (out_.name.empty()) out_.name = program.signature->name;
    out_.types = InstructionTypes(program);
    out_.inputs.assign(program.signature->inputs.size(), -1);
    out_.hypers.assign(program.hypers.size(), -1);
    out_.states.assign(program.states.size(), -1);
    out_.instructions.assign(program.instructions.size(), -1);
  }

  ExportedProgram Run() {
    NameLeaves();
    AddInstructions();
    AddLeaves();
    for (size_t i = 0; i < ready_.size(); ++i) {
      if (live_[i]) UseOperands(static_cast<int>(i));
    }
    for (const Operand& output : Program().outputs) Use(output, last_);
    for (size_t i = 0; i < Program().states.size(); ++i) {
      Use(Operand::State(static_cast<int>(i)), last_);
      Use(Program().states[i].next, last_);
    }
    FillStages();
    return std::move(out_);
  }

 private:
  const lathe::Program& Program() const { return *out_.program; }

  void NameLeaves() {
    for (const SignatureInput& input : Program().signature->inputs) {
      input_names_.push_back(names_.Take(input.name));
    }
    for (size_t i = 0; i < Program().hypers.size(); ++i) {
      const std::string& name = Program().hypers[i].name;
      out_.hyper_names.push_back(names_.Take(name.empty() ? absl::StrCat("h", i) : name));
    }
    for (size_t i = 0; i < Program().states.size(); ++i) {
      const std::string& name = Program().states[i].name;
      out_.state_names.push_back(names_.Take(name.empty() ? absl::StrCat("s", i) : name));
    }
  }

  // The author's name, or what the result is for.
  std::string NameOf(int index) const {
    const auto& names = Program().instruction_names;
    if (static_cast<size_t>(index) < names.size() && !names[index].empty()) return names[index];
    for (size_t i = 0; i < Program().outputs.size(); ++i) {
      if (Program().outputs[i].IsInstruction(index)) {
        return std::string(Program().signature->outputs[i].name);
      }
    }
    for (size_t i = 0; i < Program().states.size(); ++i) {
      if (Program().states[i].next.IsInstruction(index)) return "next_" + out_.state_names[i];
    }
    return absl::StrCat("v", index);
  }

  int Ready(const Operand& operand) const {
    return operand.kind == Operand::Kind::kInstruction ? ready_[operand.index] : 0;
  }

  void AddInstructions() {
    live_ = LiveInstructions(Program());
    for (size_t i = 0; i < live_.size(); ++i) {
      const Instruction& instruction = Program().instructions[i];
      const bool over_model = IsOverModel(Program(), instruction, out_.types);
      int ready = 0;
      for (int k = 0; k < instruction.Arity(); ++k) {
        ready = std::max(ready, Ready(instruction.operands[k]));
      }
      ready_.push_back(ready + (over_model ? 1 : 0));
      if (live_[i]) AddInstruction(static_cast<int>(i), over_model);
    }
  }

  void AddInstruction(int index, bool over_model) {
    ExportedValue value{.operand = Operand::Instruction(index),
                        .name = names_.Take(NameOf(index)),
                        .type = out_.types[index],
                        .stage = ready_[index]};
    if (!value.type.Has(Axis::kP) && !out_.IsLayer()) {
      value.level = over_model ? Level::kModel : Level::kGroup;
    }
    value.kept = over_model && value.type.Has(Axis::kP);
    last_ = std::max(last_, value.stage);
    out_.instructions[index] = static_cast<int>(out_.values.size());
    out_.values.push_back(std::move(value));
  }

  void AddLeaves() {
    ForEachOperand(Program(), [&](const Operand& operand) { AddLeaf(operand); });
    for (size_t i = 0; i < Program().states.size(); ++i) {
      AddLeaf(Operand::State(static_cast<int>(i)));
    }
  }

  // Those that dead instructions alone read are not in any stage.
  void AddLeaf(const Operand& operand) {
    if (operand.IsConstant() || out_.PlaceOf(operand) >= 0) return;
    std::vector<int>* places = &out_.inputs;
    std::string name;
    switch (operand.kind) {
      case Operand::Kind::kHyper:
        places = &out_.hypers;
        name = out_.hyper_names[operand.index];
        break;
      case Operand::Kind::kState:
        places = &out_.states;
        name = out_.state_names[operand.index];
        break;
      default: name = input_names_[operand.index];
    }
    ExportedValue value{
        .operand = operand, .name = name, .type = out_.TypeOf(operand), .stage = kUnused};
    if (!value.type.Has(Axis::kP) && !out_.IsLayer()) value.level = Level::kGroup;
    (*places)[operand.index] = static_cast<int>(out_.values.size());
    out_.values.push_back(std::move(value));
  }

  void UseOperands(int index) {
    const Instruction& instruction = Program().instructions[index];
    const bool over_model = IsOverModel(Program(), instruction, out_.types);
    for (int k = 0; k < instruction.Arity(); ++k) {
      const Operand& operand = instruction.operands[k];
      Use(operand, ready_[index] - (over_model ? 1 : 0));
      if (operand.IsConstant() || !over_model) continue;
      ExportedValue& value = out_.values[out_.PlaceOf(operand)];
      if (value.level != Level::kModel) value.kept = true;
    }
  }

  void Use(const Operand& operand, int stage) {
    if (operand.IsConstant()) return;
    ExportedValue& value = out_.values[out_.PlaceOf(operand)];
    if (value.level == Level::kModel) return;
    if (value.stage == kUnused) value.stage = stage;
    if (value.stage != stage) value.kept = true;
    value.stage = std::min(value.stage, stage);
  }

  void FillStages() {
    out_.stages.resize(static_cast<size_t>(last_) + 1);
    for (const std::vector<int>* places :
         {&out_.inputs, &out_.hypers, &out_.states, &out_.instructions}) {
      for (const int place : *places) {
        if (place < 0 || out_.values[place].stage == kUnused) continue;
        ListOf(out_.values[place]).push_back(place);
      }
    }
  }

  std::vector<int>& ListOf(const ExportedValue& value) {
    if (value.IsInstruction() && IsOverModel(Program(), out_.InstructionOf(value), out_.types)) {
      return out_.stages[value.stage - 1].over_model;
    }
    ExportedStage& stage = out_.stages[value.stage];
    return value.level == Level::kGroup ? stage.group_values : stage.parameter_values;
  }

  static constexpr int kUnused = -1;

  SafeNames names_;
  ExportedProgram out_;
  std::vector<std::string> input_names_;
  std::vector<bool> live_;
  std::vector<int> ready_;  // by instruction: the stage in which others may read it
  int last_ = 0;
};

}  // namespace

bool IsOverModel(const Program& program, const Instruction& instruction,
                 std::span<const AxisSet> types) {
  AxisSet all;
  for (const AxisSet type : OperandTypes(program, instruction, types)) all = all.With(type);
  if (!all.Has(Axis::kP)) return false;
  switch (Info(instruction.op).rule) {
    case TypeRule::reduce_over:
    case TypeRule::normalize_over: return instruction.over.Has(Axis::kP);
    case TypeRule::reduce_model: return true;
    case TypeRule::normalize_model:
      return OperandType(program, instruction.operands[0], types).Has(Axis::kP);
    default: return false;
  }
}

int ExportedProgram::PlaceOf(const Operand& operand) const {
  switch (operand.kind) {
    case Operand::Kind::kConstant: return -1;
    case Operand::Kind::kInput: return inputs[operand.index];
    case Operand::Kind::kHyper: return hypers[operand.index];
    case Operand::Kind::kState: return states[operand.index];
    case Operand::Kind::kInstruction: return instructions[operand.index];
  }
  return -1;
}

bool ExportedProgram::Reads(std::string_view input) const {
  const std::optional<int> index = program->signature->InputByName(input);
  return index && inputs[*index] >= 0 && values[inputs[*index]].stage >= 0;
}

ExportedProgram LowerForExport(const Program& program, const std::string& name,
                               ReservedWords reserved) {
  return Lowering(program, name, reserved).Run();
}

}  // namespace lathe
