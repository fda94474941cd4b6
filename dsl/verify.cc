#include "dsl/verify.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "dsl/wellformed.h"

namespace lathe {
namespace {

absl::Status Bad(const std::string& place, const std::string& problem) {
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", problem));
}

bool IsFiniteNumber(double value) {
  return std::isfinite(value) && !(value == 0 && std::signbit(value));
}

// `visible` is how many instructions may be read.
absl::Status VerifyOperand(const Program& program, const Operand& operand, int visible,
                           const std::string& place) {
  auto in = [&](size_t size, const char* what) {
    if (operand.index >= 0 && static_cast<size_t>(operand.index) < size) return absl::OkStatus();
    return Bad(place, absl::StrCat("reads ", what, " ", operand.index, ", there are ", size));
  };
  // What the text does not show must be empty, so that equal texts are equal programs.
  if (!operand.IsConstant() && !(operand.constant == 0)) {
    return Bad(place, "an operand that is no constant must leave that field at 0");
  }
  switch (operand.kind) {
    case Operand::Kind::kConstant:
      if (operand.index != 0) return Bad(place, "a constant must leave its index at 0");
      if (IsFiniteNumber(operand.constant)) return absl::OkStatus();
      return Bad(place, "a constant must be finite and not -0");
    case Operand::Kind::kInput: return in(program.signature->inputs.size(), "input");
    case Operand::Kind::kHyper: return in(program.hypers.size(), "hyper");
    case Operand::Kind::kState: return in(program.states.size(), "state");
    case Operand::Kind::kInstruction: return in(visible, "instruction (operands come first)");
  }
  return Bad(place, "reads an operand of unknown kind");
}

// `types` are those of the instructions before it, and gets its own.
absl::Status VerifyInstruction(const Program& program, int index, std::vector<AxisSet>& types) {
  const Instruction& instruction = program.instructions[index];
  std::string place = absl::StrCat("instruction ", index);
  if (static_cast<int>(instruction.op) >= kOpCount) return Bad(place, "no such op");
  for (int i = 0; i < instruction.Arity(); ++i) {
    absl::Status status = VerifyOperand(program, instruction.operands[i], index, place);
    if (!status.ok()) return status;
  }
  for (int i = instruction.Arity(); i < kMaxArity; ++i) {
    if (!(instruction.operands[i] == Operand())) return Bad(place, "unused operands must be empty");
  }
  const OperandTypeArray operands = OperandTypes(program, instruction, types);
  std::string problem = AxesProblem(*program.signature, instruction, operands);
  if (problem.empty()) problem = BatchProblem(instruction, operands);
  if (!problem.empty()) return Bad(place, problem);
  types.push_back(
      ResultType(instruction.op, instruction.over, std::span(operands).first(instruction.Arity())));
  return absl::OkStatus();
}

absl::Status VerifyLimits(const Program& program) {
  auto within = [](size_t size, int limit, const char* what) {
    if (size <= static_cast<size_t>(limit)) return absl::OkStatus();
    return Bad("program", absl::StrCat(size, " ", what, ", at most ", limit, " are allowed"));
  };
  if (program.signature == nullptr) return Bad("program", "has no signature");
  absl::Status status = within(program.instructions.size(), kMaxInstructions, "instructions");
  if (status.ok()) status = within(program.states.size(), kMaxStates, "states");
  if (status.ok()) status = within(program.hypers.size(), kMaxHypers, "hypers");
  if (status.ok() && program.outputs.size() != program.signature->outputs.size()) {
    return Bad("program", absl::StrCat("has ", program.outputs.size(), " outputs, signature ",
                                       std::string(program.signature->name), " has ",
                                       program.signature->outputs.size()));
  }
  return status;
}

absl::Status VerifyFits(const Program& program, const Operand& operand, AxisSet axes,
                        const std::vector<AxisSet>& types, const std::string& place) {
  absl::Status status =
      VerifyOperand(program, operand, static_cast<int>(program.instructions.size()), place);
  if (!status.ok()) return status;
  AxisSet type = OperandType(program, operand, types);
  if (axes.Contains(type)) return absl::OkStatus();
  return Bad(place, absl::StrCat("has the type ", axes.Text(), ", the value has the type ",
                                 type.Text(), "; axes may only be missing"));
}

absl::Status VerifyStates(const Program& program, const std::vector<AxisSet>& types) {
  const Signature& signature = *program.signature;
  if (!signature.has_states && !program.states.empty()) {
    return Bad("program", absl::StrCat("a ", std::string(signature.name), " has no states"));
  }
  for (size_t i = 0; i < program.states.size(); ++i) {
    const State& state = program.states[i];
    std::string place = absl::StrCat("state ", i);
    if (!state.axes.IsType() || !signature.axes.Contains(state.axes)) {
      return Bad(place, absl::StrCat("its axes must be among ", signature.axes.List(),
                                     "; all but P need P"));
    }
    if (state.start_from_input) {
      const SignatureInput& input = signature.inputs[signature.start_input];
      if (!(state.axes == input.axes)) {
        return Bad(place, absl::StrCat("starts at ", std::string(input.name),
                                       ", so its type must be ", input.axes.Text()));
      }
      if (!(state.start == 0)) {
        return Bad(place, absl::StrCat("starts at ", std::string(input.name),
                                       ", so the number it starts at must be 0"));
      }
    } else if (!IsFiniteNumber(state.start)) {
      return Bad(place, "its start must be finite and not -0");
    }
    absl::Status status = VerifyFits(program, state.next, state.axes, types, place);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Verify(const Program& program) {
  absl::Status status = VerifyLimits(program);
  if (!status.ok()) return status;
  for (size_t i = 0; i < program.hypers.size(); ++i) {
    if (!IsFiniteNumber(program.hypers[i].value)) {
      return Bad(absl::StrCat("hyper ", i), "its value must be finite and not -0");
    }
  }
  std::vector<AxisSet> types;
  types.reserve(program.instructions.size());
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    status = VerifyInstruction(program, static_cast<int>(i), types);
    if (!status.ok()) return status;
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const SignatureOutput& output = program.signature->outputs[i];
    status = VerifyFits(program, program.outputs[i], output.axes, types,
                        absl::StrCat("output ", std::string(output.name)));
    if (!status.ok()) return status;
  }
  return VerifyStates(program, types);
}

}  // namespace lathe
