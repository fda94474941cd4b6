#include "dsl/known_programs.h"

#include "absl/strings/str_cat.h"
#include "dsl/known_programs_texts.h"
#include "dsl/text.h"

namespace lathe {

std::vector<std::string_view> KnownProgramNames() {
  std::vector<std::string_view> names;
  for (const auto& [name, text] : KnownProgramTexts()) names.push_back(name);
  return names;
}

std::vector<std::string_view> KnownProgramNames(const Signature& signature) {
  std::vector<std::string_view> names;
  for (std::string_view name : KnownProgramNames()) {
    if (KnownProgram(name)->signature == &signature) names.push_back(name);
  }
  return names;
}

absl::StatusOr<std::string_view> KnownProgramText(std::string_view name) {
  std::string known;
  for (const auto& [known_name, text] : KnownProgramTexts()) {
    if (known_name == name) return text;
    absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(known_name));
  }
  return absl::NotFoundError(
      absl::StrCat("no known program \"", std::string(name), "\"; there are: ", known));
}

absl::StatusOr<Program> KnownProgram(std::string_view name) {
  absl::StatusOr<std::string_view> text = KnownProgramText(name);
  if (!text.ok()) return text.status();
  return ParseOrStatus(*text, name);
}

}  // namespace lathe
