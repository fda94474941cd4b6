// Parts of the C++ headers.
#ifndef LATHE_DSL_EXPORT_CPP_H_
#define LATHE_DSL_EXPORT_CPP_H_

#include <string>

#include "dsl/export/exporter.h"
#include "dsl/export/expression.h"
#include "dsl/export/source_lines.h"

namespace lathe {

// What names of programs may not be called in C++.
ReservedWords CppWords();

// A class with its options, without what it calls.
std::string CppOptimizer(const ExportedProgram& program);
std::string CppLayer(const ExportedProgram& program);

// The header around the class.
std::string CppFile(const ExportedProgram& program, const Provenance& provenance,
                    const std::string& source, const std::string& class_text);

// The name of the class.
std::string CppClass(const ExportedProgram& program);
// Members of an options class, "TORCH_ARG(double, b1) = 0.9;" for each hyper.
void AddCppHypers(const ExportedProgram& program, SourceLines& lines);
// Checks that each hyper of `options` is in its range.
void AddCppRangeChecks(const ExportedProgram& program, SourceLines& lines);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_CPP_H_
