// Programs as source files of other libraries, which need nothing of ours.
//
//   std::string file = ExportProgram(program, ExportTarget::kPytorch, {.facts = {{"job", name}}});
#ifndef LATHE_DSL_EXPORT_EXPORTER_H_
#define LATHE_DSL_EXPORT_EXPORTER_H_

#include <string>
#include <utility>
#include <vector>

#include "dsl/program.h"

namespace lathe {

enum class ExportTarget : uint8_t {
  kPytorch,  // a Python file for PyTorch 1.13 or later: an Optimizer or a Module
  kCpp,      // a header for libtorch 1.13 or later, in a namespace of the program's name
};

// Where a program comes from. Free text: whatever it holds, it stays in the file's comments.
struct Provenance {
  std::string name = {};    // of the class, in lower case with underscores; empty: the program's
  std::string source = {};  // the text of the program, with its comments; empty: as it is printed
  std::vector<std::pair<std::string, std::string>> facts = {};  // "job", "jobs/0005f1c2"
};

// Of a program that verifies. Names that the other language has a use for get others.
std::string ExportProgram(const Program& program, ExportTarget target,
                          const Provenance& provenance);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_EXPORTER_H_
