// A program is a value: a flat vector of instructions in which operands come before their users,
// plus what it starts from. It is copied, compared, stored and mutated without pointers.
//
// Structure and annotations: names and ranges are annotations. They take no part in equality or in
// the hash; the values of hypers and constants do.
#ifndef LATHE_DSL_PROGRAM_H_
#define LATHE_DSL_PROGRAM_H_

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "dsl/axes.h"
#include "dsl/op.h"
#include "dsl/signature.h"

namespace lathe {

// Version of the language: of its text form, its ops and its canonical form.
inline constexpr int kLanguageVersion = 1;

// Limits that hold for every program, whoever wrote it.
inline constexpr int kMaxInstructions = 4096;
inline constexpr int kMaxStates = 64;
inline constexpr int kMaxHypers = 64;

// What an instruction reads.
struct Operand {
  enum class Kind : uint8_t {
    kConstant,     // `constant`
    kHyper,        // hyper `index`
    kInput,        // signature input `index`
    kState,        // state `index`, as it was before this step
    kInstruction,  // result of instruction `index`
  };

  Kind kind = Kind::kConstant;
  int32_t index = 0;
  double constant = 0;

  static Operand Constant(double value) { return {Kind::kConstant, 0, value}; }
  static Operand Input(int index) { return {Kind::kInput, index, 0}; }
  static Operand Hyper(int index) { return {Kind::kHyper, index, 0}; }
  static Operand State(int index) { return {Kind::kState, index, 0}; }
  static Operand Instruction(int index) { return {Kind::kInstruction, index, 0}; }

  bool IsConstant() const { return kind == Kind::kConstant; }
  bool IsInstruction(int i) const { return kind == Kind::kInstruction && index == i; }
  friend bool operator==(const Operand&, const Operand&) = default;
};

// How an einsum names the axes of one operand: R, C, R' and C' (kParameterAxes, in this order) get
// 0 to 2 primes, two bits each; all other axes keep their names.
using AxisLabels = uint8_t;
inline constexpr AxisLabels kPlainLabels = 0b01'01'00'00;

// The label of an axis.
Axis LabelOf(Axis axis, AxisLabels labels);
AxisSet LabelsOf(AxisSet type, AxisLabels labels);
// `labels` with another one for `axis`, which is a parameter axis.
AxisLabels WithLabel(AxisLabels labels, Axis axis, int primes);

struct Instruction;

// The axes of an einsum's operand `which` that are summed out of it before it meets the other:
// those whose labels neither the other operand, of the other of `types`, nor the result has.
AxisSet AxesSummedAlone(const Instruction& einsum, std::span<const AxisSet> types, int which);

struct Instruction {
  Op op = Op::add;
  AxisSet over;  // named in sum(x over ...); kept beside P by an einsum; empty for other ops
  std::array<Operand, kMaxArity> operands = {};
  // Of an einsum's operands; 0 for axes that an operand lacks, and for other ops.
  std::array<AxisLabels, 2> labels = {};

  int Arity() const { return Info(op).arity; }
  friend bool operator==(const Instruction&, const Instruction&) = default;
};

// Values that a hyper may take; an annotation. Without bounds: any finite number.
struct Range {
  static constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  double low = -kUnbounded, high = kUnbounded;
  bool low_included = false, high_included = false;

  bool Has(double value) const {
    return (low_included ? value >= low : value > low) &&
           (high_included ? value <= high : value < high);
  }
  std::string Text() const;  // "[0, 1)"
  friend bool operator==(const Range&, const Range&) = default;
};

// A named constant: tuned by constants-only search, a keyword of an exported optimizer.
struct Hyper {
  double value = 0;
  std::string name;  // annotation; may be empty
  Range range;       // annotation

  friend bool operator==(const Hyper& a, const Hyper& b) { return a.value == b.value; }
};

// A value that is kept from one step to the next.
struct State {
  AxisSet axes;
  // A state starts at a constant, or at the signature's start input (see start_from_input).
  double start = 0;
  bool start_from_input = false;
  Operand next;      // the value after this step; with fewer axes it is broadcast
  std::string name;  // annotation; may be empty

  friend bool operator==(const State& a, const State& b) {
    return a.axes == b.axes && a.start == b.start && a.start_from_input == b.start_from_input &&
           a.next == b.next;
  }
};

struct Program {
  const Signature* signature = &OptimizerSignature();
  std::vector<Hyper> hypers;
  std::vector<State> states;
  std::vector<Instruction> instructions;
  std::vector<Operand> outputs;  // one per output of the signature

  std::string name;                            // annotation; may be empty
  std::vector<std::string> instruction_names;  // annotation; empty, or one per instruction

  friend bool operator==(const Program& a, const Program& b) {
    return a.signature == b.signature && a.hypers == b.hypers && a.states == b.states &&
           a.instructions == b.instructions && a.outputs == b.outputs;
  }
};

// The type of every instruction's result. Operands must come before their users.
std::vector<AxisSet> InstructionTypes(const Program& program);

// The type of one operand, given the types of the instructions before it.
inline AxisSet OperandType(const Program& program, const Operand& operand,
                           std::span<const AxisSet> instruction_types) {
  switch (operand.kind) {
    case Operand::Kind::kConstant:
    case Operand::Kind::kHyper: return {};
    case Operand::Kind::kInput: return program.signature->inputs[operand.index].axes;
    case Operand::Kind::kState: return program.states[operand.index].axes;
    case Operand::Kind::kInstruction: return instruction_types[operand.index];
  }
  return {};
}

// The types of an instruction's operands, given the types of the instructions before it.
inline std::array<AxisSet, kMaxArity> OperandTypes(const Program& program,
                                                   const Instruction& instruction,
                                                   std::span<const AxisSet> instruction_types) {
  std::array<AxisSet, kMaxArity> types;
  for (int i = 0; i < instruction.Arity(); ++i) {
    types[i] = OperandType(program, instruction.operands[i], instruction_types);
  }
  return types;
}

// The type of the result of an instruction whose operands have these types.
inline AxisSet TypeOf(const Instruction& instruction,
                      const std::array<AxisSet, kMaxArity>& operand_types) {
  if (Info(instruction.op).rule == TypeRule::elementwise) {
    return operand_types[0].With(operand_types[1]).With(operand_types[2]);
  }
  return ResultType(instruction.op, instruction.over,
                    std::span(operand_types).first(instruction.Arity()));
}

// Calls visit(Operand&) for every operand: of the instructions in order, of the outputs, of the
// states' next values.
template <typename AnyProgram, typename Visit>
void ForEachOperand(AnyProgram& program, Visit visit) {
  for (auto& instruction : program.instructions) {
    for (int i = 0; i < instruction.Arity(); ++i) visit(instruction.operands[i]);
  }
  for (auto& output : program.outputs) visit(output);
  for (auto& state : program.states) visit(state.next);
}

}  // namespace lathe

#endif  // LATHE_DSL_PROGRAM_H_
