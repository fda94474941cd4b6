// Parts of the Python files.
#ifndef LATHE_DSL_EXPORT_PYTORCH_H_
#define LATHE_DSL_EXPORT_PYTORCH_H_

#include <string>

#include "dsl/export/exporter.h"
#include "dsl/export/expression.h"
#include "dsl/export/source_lines.h"

namespace lathe {

// What names of programs may not be called in Python.
ReservedWords PytorchWords();

// A class, without what it calls.
std::string PytorchOptimizer(const ExportedProgram& program);
std::string PytorchLayer(const ExportedProgram& program);

// The file around the class.
std::string PytorchFile(const ExportedProgram& program, const Provenance& provenance,
                        const std::string& source, const std::string& class_text);

// The name of the class.
std::string PytorchClass(const ExportedProgram& program);
// Lines of a class: what its hypers may be.
void AddPytorchRanges(const ExportedProgram& program, SourceLines& lines);
// ", *, b1=0.9, b2=0.999"; empty without hypers.
std::string PytorchHyperParameters(const ExportedProgram& program);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_PYTORCH_H_
