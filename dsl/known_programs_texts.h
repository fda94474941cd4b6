// The texts behind known_programs.h; the source is generated from dsl/programs.
#ifndef LATHE_DSL_KNOWN_PROGRAMS_TEXTS_H_
#define LATHE_DSL_KNOWN_PROGRAMS_TEXTS_H_

#include <string_view>
#include <utility>
#include <vector>

namespace lathe {

// (name, text), ascending by name.
const std::vector<std::pair<std::string_view, std::string_view>>& KnownProgramTexts();

}  // namespace lathe

#endif  // LATHE_DSL_KNOWN_PROGRAMS_TEXTS_H_
