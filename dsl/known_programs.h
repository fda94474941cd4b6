// The programs that ship with the language, by name: the files dsl/programs/NAME.lathe.
#ifndef LATHE_DSL_KNOWN_PROGRAMS_H_
#define LATHE_DSL_KNOWN_PROGRAMS_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dsl/program.h"

namespace lathe {

std::vector<std::string_view> KnownProgramNames();                            // ascending
std::vector<std::string_view> KnownProgramNames(const Signature& signature);  // ascending
// Not found, with the names there are, if `name` is none of them.
absl::StatusOr<std::string_view> KnownProgramText(std::string_view name);
absl::StatusOr<Program> KnownProgram(std::string_view name);

}  // namespace lathe

#endif  // LATHE_DSL_KNOWN_PROGRAMS_H_
