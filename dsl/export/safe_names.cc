#include "dsl/export/safe_names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lathe {

std::string SafeNames::Take(std::string_view wanted) {
  std::string name;
  for (const char c : wanted) {
    if (c != '_' || !name.ends_with('_')) name += c;
  }
  while (name.ends_with('_')) name.pop_back();
  const std::string stem = name;
  for (int number = 1; taken_.contains(name); ++number) {
    name = number == 1 ? stem + "_value" : absl::StrCat(stem, "_value", number);
  }
  return *taken_.insert(name).first;
}

std::string CamelCase(std::string_view name) {
  std::string camel;
  bool starts_word = true;
  for (const char c : name) {
    if (c != '_') camel += starts_word ? absl::ascii_toupper(c) : c;
    starts_word = c == '_';
  }
  return camel;
}

}  // namespace lathe
