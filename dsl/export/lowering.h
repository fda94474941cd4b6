// A program laid out for source files of tensor libraries: what is computed once for a group of
// parameters, what for each parameter, what over the whole model, and in which order.
//
// A reduction over the model ends a stage: all that it reads is computed for all parameters first.
// A layer has one stage and no reductions over a model.
#ifndef LATHE_DSL_EXPORT_LOWERING_H_
#define LATHE_DSL_EXPORT_LOWERING_H_

#include <span>
#include <string>
#include <vector>

#include "dsl/program.h"

namespace lathe {

enum class Level : uint8_t {
  kGroup,      // once for each group of parameters: numbers without P
  kParameter,  // for each parameter; all of a layer
  kModel,      // a number that a reduction over the model gives, once in a step
};

// An input, a hyper, a state or a result that is read.
struct ExportedValue {
  Operand operand;
  std::string name;
  AxisSet type;
  Level level = Level::kParameter;
  int stage = 0;      // in which it is there first
  bool kept = false;  // read after the loop that computes it

  bool IsNumber() const { return type.Within(kElementAxes).Empty(); }
  bool IsInstruction() const { return operand.kind == Operand::Kind::kInstruction; }
};

// Indices of values, in the order in which they are computed.
struct ExportedStage {
  std::vector<int> group_values;
  std::vector<int> parameter_values;
  std::vector<int> over_model;  // after the loop over all parameters
};

struct ExportedProgram {
  const Program* program = nullptr;
  std::string name;            // of the class, in lower case with underscores
  std::vector<AxisSet> types;  // of the instructions
  std::vector<ExportedValue> values;
  std::vector<ExportedStage> stages;
  std::vector<std::string> hyper_names, state_names;

  bool IsLayer() const { return program->signature->axes.Has(Axis::kB); }
  // Not of a constant.
  const ExportedValue& ValueOf(const Operand& operand) const { return values[PlaceOf(operand)]; }
  AxisSet TypeOf(const Operand& operand) const { return OperandType(*program, operand, types); }
  const Instruction& InstructionOf(const ExportedValue& value) const {
    return program->instructions[value.operand.index];
  }
  bool Reads(std::string_view input) const;
  bool HasModelReductions() const { return stages.size() > 1; }
  int LastStage() const { return static_cast<int>(stages.size()) - 1; }

  // By kind of operand and index: a place in `values`, or -1.
  std::vector<int> inputs, hypers, states, instructions;
  int PlaceOf(const Operand& operand) const;
};

// Words that names of a program may not become, sorted.
using ReservedWords = std::span<const std::string_view>;

// Of a program that verifies, which outlives the result. `name` may be empty: then the program's
// own.
ExportedProgram LowerForExport(const Program& program, const std::string& name,
                               ReservedWords reserved);

// Whether an instruction looks at all parameters at once.
bool IsOverModel(const Program& program, const Instruction& instruction,
                 std::span<const AxisSet> types);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_LOWERING_H_
