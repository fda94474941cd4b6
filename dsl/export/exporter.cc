#include "dsl/export/exporter.h"

#include "dsl/export/cpp.h"
#include "dsl/export/pytorch.h"
#include "dsl/text.h"

namespace lathe {

std::string ExportProgram(const Program& program, ExportTarget target,
                          const Provenance& provenance) {
  const std::string source =
      provenance.source.empty() ? Print(program, Naming::kAuthored) : provenance.source;
  const bool python = target == ExportTarget::kPytorch;
  const ExportedProgram lowered =
      LowerForExport(program, provenance.name, python ? PytorchWords() : CppWords());
  if (python) {
    return PytorchFile(lowered, provenance, source,
                       lowered.IsLayer() ? PytorchLayer(lowered) : PytorchOptimizer(lowered));
  }
  return CppFile(lowered, provenance, source,
                 lowered.IsLayer() ? CppLayer(lowered) : CppOptimizer(lowered));
}

}  // namespace lathe
