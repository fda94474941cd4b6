// Names of a program as names in another language.
#ifndef LATHE_DSL_EXPORT_SAFE_NAMES_H_
#define LATHE_DSL_EXPORT_SAFE_NAMES_H_

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

// Gives each name once, and none of the reserved ones.
class SafeNames {
 public:
  explicit SafeNames(std::span<const std::string_view> reserved)
      : taken_(reserved.begin(), reserved.end()) {}

  // `wanted`, an identifier of the language of programs, or something like it: without two
  // underscores in a row or one at the end, which C++ or its libraries keep for themselves.
  std::string Take(std::string_view wanted);

 private:
  std::set<std::string, std::less<>> taken_;
};

// "adamw_warm_start" as "AdamwWarmStart".
std::string CamelCase(std::string_view name);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_SAFE_NAMES_H_
