#include "dsl/export/optimizer_body.h"

#include <algorithm>

#include "dsl/export/source_lines.h"

namespace lathe {
namespace {

bool MayAlias(const ExportedProgram& program, const Operand& operand) {
  switch (operand.kind) {
    case Operand::Kind::kInput:
    case Operand::Kind::kState: return true;
    case Operand::Kind::kInstruction:
      return Info(program.program->instructions[operand.index].op).rule == TypeRule::swap;
    default: return false;
  }
}

}  // namespace

std::vector<Definition> WithoutUnread(std::vector<Definition> definitions,
                                      const std::vector<std::string>& rest) {
  std::vector<Definition> read;
  for (size_t i = 0; i < definitions.size(); ++i) {
    const ExportedValue& value = *definitions[i].value;
    const auto reads = [&](const std::string& text) { return ReadsVariable(text, value.name); };
    const bool is_read =
        value.kept || value.IsInstruction() || std::ranges::any_of(rest, reads) ||
        std::any_of(definitions.begin() + static_cast<int64_t>(i) + 1, definitions.end(),
                    [&](const Definition& later) { return reads(later.text); });
    if (is_read) read.push_back(definitions[i]);
  }
  return read;
}

std::vector<StateMove> StateMoves(const ExportedProgram& program, const Expressions& expressions) {
  std::vector<StateMove> moves;
  for (size_t i = 0; i < program.program->states.size(); ++i) {
    const State& state = program.program->states[i];
    if (!state.axes.Has(Axis::kP)) continue;
    const AxisSet type = program.TypeOf(state.next);
    const bool number = state.axes.Within(kElementAxes).Empty();
    const std::string next = number ? expressions.Reference(state.next, Level::kParameter)
                                    : expressions.TensorReference(state.next, Level::kParameter);
    moves.push_back({.state = static_cast<int>(i),
                     .next = number ? next : expressions.Aligned(next, type, state.axes),
                     .aliases = MayAlias(program, state.next)});
  }
  return moves;
}

bool UpdateIsFull(const ExportedProgram& program) {
  return program.TypeOf(program.program->outputs[0]) == kModelAxes;
}

}  // namespace lathe
