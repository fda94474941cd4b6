// The types beside the class of an exported optimizer in C++.
#ifndef LATHE_DSL_EXPORT_CPP_OPTIMIZER_TYPES_H_
#define LATHE_DSL_EXPORT_CPP_OPTIMIZER_TYPES_H_

#include "dsl/export/lowering.h"
#include "dsl/export/source_lines.h"

namespace lathe {

// Options of a group: hypers, the count of steps, and states without P; saved and loaded.
void AddCppOptimizerOptions(const ExportedProgram& program, SourceLines& lines);
// What is kept for each parameter, of which there is something; saved and loaded.
void AddCppOptimizerState(const ExportedProgram& program, SourceLines& lines);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_CPP_OPTIMIZER_TYPES_H_
