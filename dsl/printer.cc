#include <charconv>
#include <set>

#include "absl/strings/str_cat.h"
#include "dsl/lexer.h"
#include "dsl/text.h"

namespace lathe {
namespace {

// Writes one program. An instruction is printed under the name of the output or state that it is
// for where it has one, so that the text has no line that only copies.
class Printer {
 public:
  Printer(const Program& program, Naming naming)
      : program_(program), naming_(naming), types_(InstructionTypes(program)) {}

  std::string Run() {
    for (const SignatureInput& input : program_.signature->inputs)
      taken_.insert(std::string(input.name));
    for (const auto& output : program_.signature->outputs) taken_.insert(std::string(output.name));
    NameLeaves();
    NameInstructions();
    PrintDeclarations();
    PrintStatements();
    return std::move(text_);
  }

 private:
  // The author's name if it is wanted and free, else a number after `prefix`.
  std::string FreshName(const std::string& authored, char prefix, int& counter) {
    if (naming_ == Naming::kAuthored && IsIdentifier(authored) && taken_.insert(authored).second) {
      return authored;
    }
    while (true) {
      std::string name = absl::StrCat(std::string(1, prefix), counter++);
      if (taken_.insert(name).second) return name;
    }
  }

  // Names that the author gave come first, so that a number never takes one of them away.
  void NameLeaves() {
    int hypers = 0, states = 0;
    for (const Hyper& hyper : program_.hypers)
      hypers_.push_back(FreshName(hyper.name, 'h', hypers));
    for (const State& state : program_.states)
      states_.push_back(FreshName(state.name, 's', states));
  }

  void NameInstructions() {
    size_t count = program_.instructions.size();
    instructions_.resize(count);
    next_of_.assign(count, -1);
    std::vector<int> uses(count, 0);
    ForEachOperand(program_, [&](const Operand& operand) {
      if (operand.kind == Operand::Kind::kInstruction) ++uses[operand.index];
    });
    for (size_t i = program_.outputs.size(); i-- > 0;) {
      const Operand& output = program_.outputs[i];
      if (output.kind != Operand::Kind::kInstruction) continue;
      instructions_[output.index] = program_.signature->outputs[i].name;
    }
    for (size_t i = 0; i < program_.states.size(); ++i) {
      const Operand& next = program_.states[i].next;
      if (next.kind == Operand::Kind::kInstruction && uses[next.index] == 1) {
        next_of_[next.index] = static_cast<int>(i);
      }
    }
    int counter = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!instructions_[i].empty() || next_of_[i] >= 0) continue;
      bool named = i < program_.instruction_names.size();
      instructions_[i] = FreshName(named ? program_.instruction_names[i] : "", 'v', counter);
    }
  }

  void PrintDeclarations() {
    const Signature& signature = *program_.signature;
    int unused = 0;
    std::string name = naming_ == Naming::kAuthored && IsIdentifier(program_.name)
                           ? program_.name
                           : FreshName("", 'p', unused);
    absl::StrAppend(&text_, "lathe ", kLanguageVersion, " ", std::string(signature.name), " ", name,
                    "\n");
    std::vector<bool> used(signature.inputs.size(), false);
    ForEachOperand(program_, [&](const Operand& operand) {
      if (operand.kind == Operand::Kind::kInput) used[operand.index] = true;
    });
    std::string inputs;
    for (size_t i = 0; i < used.size(); ++i) {
      if (!used[i]) continue;
      absl::StrAppend(&inputs, " ", std::string(signature.inputs[i].name),
                      signature.inputs[i].axes.Text());
    }
    if (!inputs.empty()) absl::StrAppend(&text_, "input ", inputs, "\n");
    for (size_t i = 0; i < hypers_.size(); ++i) {
      absl::StrAppend(&text_, "hyper  ", hypers_[i], " = ", NumberText(program_.hypers[i].value));
      const Hyper& hyper = program_.hypers[i];
      if (naming_ == Naming::kAuthored) {
        // A range without the value would not be read back.
        Range range = hyper.range.Has(hyper.value) ? hyper.range : Range();
        absl::StrAppend(&text_, " in ", range.Text());
      }
      text_ += '\n';
    }
    for (size_t i = 0; i < states_.size(); ++i) {
      const State& state = program_.states[i];
      absl::StrAppend(&text_, "state  ", states_[i], state.axes.Text(), " = ",
                      state.start_from_input
                          ? std::string(signature.inputs[signature.start_input].name)
                          : NumberText(state.start),
                      "\n");
    }
  }

  void PrintStatements() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      std::string name = next_of_[i] >= 0 ? "next " + states_[next_of_[i]] : instructions_[i];
      absl::StrAppend(&text_, name, " = ", Call(program_.instructions[i]), "\n");
    }
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      const Operand& output = program_.outputs[i];
      std::string name(program_.signature->outputs[i].name);
      bool printed =
          output.kind == Operand::Kind::kInstruction && instructions_[output.index] == name;
      if (!printed) absl::StrAppend(&text_, name, " = ", Atom(output), "\n");
    }
    for (size_t i = 0; i < states_.size(); ++i) {
      const Operand& next = program_.states[i].next;
      bool printed =
          next.kind == Operand::Kind::kInstruction && next_of_[next.index] == static_cast<int>(i);
      if (!printed) absl::StrAppend(&text_, "next ", states_[i], " = ", Atom(next), "\n");
    }
  }

  std::string Call(const Instruction& instruction) const {
    std::string call = absl::StrCat(std::string(Info(instruction.op).name), "(");
    const bool einsum = Info(instruction.op).rule == TypeRule::contract;
    for (int i = 0; i < instruction.Arity(); ++i) {
      absl::StrAppend(&call, i == 0 ? "" : ", ", Atom(instruction.operands[i]));
      if (einsum) absl::StrAppend(&call, Labels(instruction, i));
    }
    if (einsum) {
      absl::StrAppend(&call, " -> ", instruction.over.Text());
    } else if (!instruction.over.Empty()) {
      std::string axes = instruction.over.Text();
      absl::StrAppend(&call, " over ", axes.substr(1, axes.size() - 2));
    }
    return call + ")";
  }

  // [R,C'], in the order of the operand's axes.
  std::string Labels(const Instruction& instruction, int i) const {
    std::string text = "[";
    const AxisSet type = OperandType(program_, instruction.operands[i], types_);
    ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) {
      const Axis label = LabelOf(axis, instruction.labels[i]);
      absl::StrAppend(&text, text.size() > 1 ? "," : "",
                      std::string(kAxisNames[static_cast<size_t>(label)]));
    });
    return text + "]";
  }

  std::string Atom(const Operand& operand) const {
    switch (operand.kind) {
      case Operand::Kind::kConstant: return NumberText(operand.constant);
      case Operand::Kind::kInput:
        return std::string(program_.signature->inputs[operand.index].name);
      case Operand::Kind::kHyper: return hypers_[operand.index];
      case Operand::Kind::kState: return states_[operand.index];
      case Operand::Kind::kInstruction: return instructions_[operand.index];
    }
    return "";
  }

  const Program& program_;
  const Naming naming_;
  const std::vector<AxisSet> types_;
  std::string text_;
  std::set<std::string> taken_;
  std::vector<std::string> hypers_, states_, instructions_;
  std::vector<int> next_of_;  // by instruction: the state whose only use it is, or -1
};

}  // namespace

std::string NumberText(double value) {
  char buffer[32];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end);
}

std::string Print(const Program& program, Naming naming) {
  return Printer(program, naming).Run();
}

}  // namespace lathe
