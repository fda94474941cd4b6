// What the step of an exported optimizer consists of, in either language.
#ifndef LATHE_DSL_EXPORT_OPTIMIZER_BODY_H_
#define LATHE_DSL_EXPORT_OPTIMIZER_BODY_H_

#include <string>
#include <vector>

#include "dsl/export/expression.h"

namespace lathe {

// One definition: "m2", "(1 - b1) * g + b1 * m".
struct Definition {
  const ExportedValue* value = nullptr;
  std::string name, text;
};

// Without definitions of inputs, hypers and states that nothing reads: neither what comes after
// them nor `rest`.
std::vector<Definition> WithoutUnread(std::vector<Definition> definitions,
                                      const std::vector<std::string>& rest);

// What becomes of a state after a step.
struct StateMove {
  int state = 0;
  std::string next;      // aligned with the state
  bool aliases = false;  // may be memory that the step changes before the state has moved
};
std::vector<StateMove> StateMoves(const ExportedProgram& program, const Expressions& expressions);

// Whether the update has every element of a parameter; a number or a row is spread.
bool UpdateIsFull(const ExportedProgram& program);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_OPTIMIZER_BODY_H_
