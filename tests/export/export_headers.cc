// Writes what is exported as C++ for the test that compiles it.
//
//   lathe_export_headers FOLDER     FOLDER/all.h includes the others and lists their classes
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "dsl/export/exporter.h"
#include "dsl/export/safe_names.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "tests/export/every_op.h"

namespace lathe {
namespace {

// Free text that would change the meaning of a header if it were not quoted.
const std::string kHostile =
    "*/ #error out\n#error of a comment\nends in a backslash \\\n?\?/\n\xe2\x80\xa8#error "
    "\"\"\"\r#error \\\n";

int Main(const std::string& folder) {
  std::filesystem::create_directories(folder);
  std::string includes, optimizers, layers;
  std::vector<std::pair<std::string, std::string>> programs = EveryOpPrograms();
  for (const std::string_view name : KnownProgramNames()) {
    programs.emplace_back(std::string(name), std::string(*KnownProgramText(name)));
  }
  for (const auto& [name, text] : programs) {
    const absl::StatusOr<Program> program = ParseOrStatus(text, name);
    if (!program.ok()) {
      std::fprintf(stderr, "%s\n", std::string(program.status().message()).c_str());
      return 1;
    }
    const Provenance provenance{.source = kHostile + text, .facts = {{kHostile, kHostile}}};
    std::ofstream(absl::StrCat(folder, "/", name, ".h"))
        << ExportProgram(*program, ExportTarget::kCpp, provenance);
    absl::StrAppend(&includes, "#include \"", name, ".h\"\n");
    const std::string row =
        absl::StrCat(" \\\n  X(", name, ", lathe_", name, "::", CamelCase(name), ")");
    (program->signature == &LayerSignature() ? layers : optimizers) += row;
  }
  std::ofstream(folder + "/all.h")
      << "// The headers, and a row for each class.\n"
      << includes << "\n#define LATHE_EXPORTED_OPTIMIZERS(X)" << optimizers
      << "\n#define LATHE_EXPORTED_LAYERS(X)" << layers << "\n";
  return 0;
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  if (argc == 2) return lathe::Main(argv[1]);
  std::fputs("usage: lathe_export_headers FOLDER\n", stderr);
  return 2;
}
