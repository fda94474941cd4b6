#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "dsl/lexer.h"
#include "dsl/text.h"

namespace lathe {
namespace {

constexpr size_t kLongestNumber = 32;
const std::string kUnnamed;

// Writes one program. An instruction is printed under the name of the output or state that it is
// for where it has one, so that the text has no line that only copies.
class Printer {
 public:
  Printer(const Program& program, Naming naming) : program_(program), naming_(naming) {}

  std::string Run() {
    text_.reserve(64 * (2 + program_.states.size() + program_.instructions.size()));
    NameLeaves();
    NameInstructions();
    PrintDeclarations();
    PrintStatements();
    return std::move(text_);
  }

 private:
  bool IsTaken(std::string_view name) const {
    const Signature& signature = *program_.signature;
    const auto named = [name](const auto& row) { return row.name == name; };
    return std::any_of(signature.inputs.begin(), signature.inputs.end(), named) ||
           std::any_of(signature.outputs.begin(), signature.outputs.end(), named) ||
           (!taken_.empty() && taken_.contains(name));
  }

  // The author's name if it is wanted and free, else a number after `prefix`.
  std::string FreshName(const std::string& authored, char prefix, int& counter) {
    if (naming_ == Naming::kAuthored && IsIdentifier(authored) && !IsTaken(authored)) {
      return *taken_.insert(authored).first;
    }
    char buffer[kLongestNumber] = {prefix};
    std::string_view name;
    do {
      name = {buffer, std::to_chars(buffer + 1, buffer + sizeof buffer, counter++).ptr};
    } while (IsTaken(name));
    // A number is given once; only an author may choose the same name.
    if (naming_ == Naming::kAuthored) taken_.emplace(name);
    return std::string(name);
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
    absl::InlinedVector<int, 64> uses(count, 0);
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
      instructions_[i] = FreshName(named ? program_.instruction_names[i] : kUnnamed, 'v', counter);
    }
  }

  void PrintDeclarations() {
    PrintHead();
    PrintInputs();
    for (size_t i = 0; i < hypers_.size(); ++i) {
      const Hyper& hyper = program_.hypers[i];
      Append("hyper  ", hypers_[i], " = ");
      AppendNumber(hyper.value);
      if (naming_ == Naming::kAuthored) {
        // A range without the value would not be read back.
        const Range range = hyper.range.Has(hyper.value) ? hyper.range : Range();
        Append(" in ", range.Text());
      }
      text_ += '\n';
    }
    for (size_t i = 0; i < states_.size(); ++i) {
      const State& state = program_.states[i];
      Append("state  ", states_[i]);
      AppendAxes(state.axes);
      text_ += " = ";
      if (state.start_from_input) {
        text_ += program_.signature->inputs[program_.signature->start_input].name;
      } else {
        AppendNumber(state.start);
      }
      text_ += '\n';
    }
  }

  void PrintHead() {
    int unused = 0;
    const bool named = naming_ == Naming::kAuthored && IsIdentifier(program_.name);
    const std::string name = named ? program_.name : FreshName(kUnnamed, 'p', unused);
    absl::StrAppend(&text_, "lathe ", kLanguageVersion, " ");
    Append(program_.signature->name, " ", name, "\n");
  }

  void PrintInputs() {
    uint32_t used = 0;
    ForEachOperand(program_, [&](const Operand& operand) {
      if (operand.kind == Operand::Kind::kInput) used |= 1u << operand.index;
    });
    if (used == 0) return;
    text_ += "input ";
    for (size_t i = 0; i < program_.signature->inputs.size(); ++i) {
      if ((used >> i & 1) == 0) continue;
      Append(" ", program_.signature->inputs[i].name);
      AppendAxes(program_.signature->inputs[i].axes);
    }
    text_ += '\n';
  }

  void PrintStatements() {
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      if (next_of_[i] >= 0) {
        Append("next ", states_[next_of_[i]], " = ");
      } else {
        Append(instructions_[i], " = ");
      }
      AppendCall(program_.instructions[i]);
      text_ += '\n';
    }
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      const Operand& output = program_.outputs[i];
      const std::string_view name = program_.signature->outputs[i].name;
      const bool printed =
          output.kind == Operand::Kind::kInstruction && instructions_[output.index] == name;
      if (!printed) AppendCopy("", name, output);
    }
    for (size_t i = 0; i < states_.size(); ++i) {
      const Operand& next = program_.states[i].next;
      const bool printed =
          next.kind == Operand::Kind::kInstruction && next_of_[next.index] == static_cast<int>(i);
      if (!printed) AppendCopy("next ", states_[i], next);
    }
  }

  template <typename... Texts>
  void Append(const Texts&... texts) {
    ((text_ += texts), ...);
  }

  // "next s0 = v1"
  void AppendCopy(std::string_view what, std::string_view name, const Operand& operand) {
    Append(what, name, " = ");
    AppendAtom(operand);
    text_ += '\n';
  }

  void AppendNumber(double value) {
    char buffer[kLongestNumber];
    text_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr - buffer);
  }

  // "P,R,C"
  void AppendAxisList(AxisSet axes) {
    bool first = true;
    ForEachAxis(axes, [&](Axis axis) {
      if (!first) text_ += ',';
      first = false;
      text_ += kAxisNames[static_cast<size_t>(axis)];
    });
  }

  void AppendAxes(AxisSet axes) {
    text_ += '[';
    AppendAxisList(axes);
    text_ += ']';
  }

  void AppendCall(const Instruction& instruction) {
    Append(Info(instruction.op).name, "(");
    const bool einsum = Info(instruction.op).rule == TypeRule::contract;
    for (int i = 0; i < instruction.Arity(); ++i) {
      if (i > 0) text_ += ", ";
      AppendAtom(instruction.operands[i]);
      if (einsum) AppendLabels(instruction, i);
    }
    if (einsum) {
      text_ += " -> ";
      AppendAxes(instruction.over);
    } else if (!instruction.over.Empty()) {
      text_ += " over ";
      AppendAxisList(instruction.over);
    }
    text_ += ')';
  }

  // [R,C'], in the order of the operand's axes.
  void AppendLabels(const Instruction& instruction, int i) {
    if (types_.empty()) types_ = InstructionTypes(program_);
    const AxisSet type = OperandType(program_, instruction.operands[i], types_);
    bool first = true;
    text_ += '[';
    ForEachAxis(type.Without({Axis::kP}), [&](Axis axis) {
      if (!first) text_ += ',';
      first = false;
      text_ += kAxisNames[static_cast<size_t>(LabelOf(axis, instruction.labels[i]))];
    });
    text_ += ']';
  }

  void AppendAtom(const Operand& operand) {
    switch (operand.kind) {
      case Operand::Kind::kConstant: AppendNumber(operand.constant); break;
      case Operand::Kind::kInput: text_ += program_.signature->inputs[operand.index].name; break;
      case Operand::Kind::kHyper: text_ += hypers_[operand.index]; break;
      case Operand::Kind::kState: text_ += states_[operand.index]; break;
      case Operand::Kind::kInstruction: text_ += instructions_[operand.index]; break;
    }
  }

  const Program& program_;
  const Naming naming_;
  std::vector<AxisSet> types_;  // of instructions; only programs with an einsum need them
  std::string text_;
  std::set<std::string, std::less<>> taken_;  // beside the names of the signature
  std::vector<std::string> hypers_, states_, instructions_;
  std::vector<int> next_of_;  // by instruction: the state whose only use it is, or -1
};

}  // namespace

std::string NumberText(double value) {
  char buffer[kLongestNumber];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::string Print(const Program& program, Naming naming) {
  return Printer(program, naming).Run();
}

}  // namespace lathe
