#include "dsl/verify.h"

#include <array>
#include <cmath>
#include <span>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "dsl/wellformed.h"

namespace lathe {
namespace {

// Of instructions; on the stack for most programs.
using TypeList = absl::InlinedVector<AxisSet, 48>;

absl::Status Bad(const std::string& place, const std::string& problem) {
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", problem));
}

bool IsFiniteNumber(double value) {
  return std::isfinite(value) && !(value == 0 && std::signbit(value));
}

// How many things of a kind an operand may read; `visible` is how many instructions.
size_t CountOf(const Program& program, Operand::Kind kind, size_t visible) {
  switch (kind) {
    case Operand::Kind::kConstant: return 1;  // its index is 0
    case Operand::Kind::kInput: return program.signature->inputs.size();
    case Operand::Kind::kHyper: return program.hypers.size();
    case Operand::Kind::kState: return program.states.size();
    case Operand::Kind::kInstruction: return visible;
  }
  return 0;
}

// What the text does not show must be empty, so that equal texts are equal programs.
bool IsSound(const Program& program, const Operand& operand, size_t visible) {
  const bool number =
      operand.IsConstant() ? IsFiniteNumber(operand.constant) : operand.constant == 0;
  return number && static_cast<size_t>(operand.index) < CountOf(program, operand.kind, visible);
}

// What is wrong with an operand that is not sound.
std::string OperandProblem(const Program& program, const Operand& operand, size_t visible) {
  static constexpr std::array<const char*, 5> kWhat = {"constant", "hyper", "input", "state",
                                                       "instruction (operands come first)"};
  if (static_cast<size_t>(operand.kind) >= kWhat.size()) return "reads an operand of unknown kind";
  if (operand.IsConstant()) {
    if (operand.index != 0) return "a constant must leave its index at 0";
    return "a constant must be finite and not -0";
  }
  if (!(operand.constant == 0)) return "an operand that is no constant must leave that field at 0";
  return absl::StrCat("reads ", kWhat[static_cast<size_t>(operand.kind)], " ", operand.index,
                      ", there are ", CountOf(program, operand.kind, visible));
}

// `types` are those of the instructions before it, and gets its own.
std::string InstructionProblem(const Program& program, const Instruction& instruction,
                               TypeList& types) {
  if (static_cast<int>(instruction.op) >= kOpCount) return "no such op";
  const int arity = instruction.Arity();
  for (int i = 0; i < arity; ++i) {
    const Operand& operand = instruction.operands[i];
    if (!IsSound(program, operand, types.size())) {
      return OperandProblem(program, operand, types.size());
    }
  }
  for (int i = arity; i < kMaxArity; ++i) {
    if (!(instruction.operands[i] == Operand())) return "unused operands must be empty";
  }
  const OperandTypeArray operands = OperandTypes(program, instruction, types);
  std::string problem;
  if (!IsPlain(instruction)) {
    problem = AxesProblem(*program.signature, instruction, operands);
    if (problem.empty()) problem = BatchProblem(instruction, operands);
  }
  types.push_back(TypeOf(instruction, operands));
  return problem;
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

std::string FitProblem(const Program& program, const Operand& operand, AxisSet axes,
                       std::span<const AxisSet> types) {
  if (!IsSound(program, operand, types.size())) {
    return OperandProblem(program, operand, types.size());
  }
  const AxisSet type = OperandType(program, operand, types);
  if (axes.Contains(type)) return "";
  return absl::StrCat("has the type ", axes.Text(), ", the value has the type ", type.Text(),
                      "; axes may only be missing");
}

std::string StateProblem(const Program& program, const State& state,
                         std::span<const AxisSet> types) {
  const Signature& signature = *program.signature;
  if (!state.axes.IsType() || !signature.axes.Contains(state.axes)) {
    return absl::StrCat("its axes must be among ", signature.axes.List(), "; all but P need P");
  }
  if (state.start_from_input) {
    const SignatureInput& input = signature.inputs[signature.start_input];
    const std::string starts = absl::StrCat("starts at ", std::string(input.name), ", so ");
    if (!(state.axes == input.axes)) return starts + "its type must be " + input.axes.Text();
    if (!(state.start == 0)) return starts + "the number it starts at must be 0";
  } else if (!IsFiniteNumber(state.start)) {
    return "its start must be finite and not -0";
  }
  return FitProblem(program, state.next, state.axes, types);
}

absl::Status VerifyStates(const Program& program, std::span<const AxisSet> types) {
  const Signature& signature = *program.signature;
  if (!signature.has_states && !program.states.empty()) {
    return Bad("program", absl::StrCat("a ", std::string(signature.name), " has no states"));
  }
  for (size_t i = 0; i < program.states.size(); ++i) {
    std::string problem = StateProblem(program, program.states[i], types);
    if (!problem.empty()) return Bad(absl::StrCat("state ", i), problem);
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
  TypeList types;
  types.reserve(program.instructions.size());
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    std::string problem = InstructionProblem(program, program.instructions[i], types);
    if (!problem.empty()) return Bad(absl::StrCat("instruction ", i), problem);
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const SignatureOutput& output = program.signature->outputs[i];
    std::string problem = FitProblem(program, program.outputs[i], output.axes, types);
    if (!problem.empty()) {
      return Bad(absl::StrCat("output ", std::string(output.name)), problem);
    }
  }
  return VerifyStates(program, types);
}

}  // namespace lathe
