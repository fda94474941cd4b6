#include "clients/job/field_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace lathe {
namespace {

// The number in "[12]".
std::optional<int> ParseIndex(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return std::nullopt;
  const std::string digits(text.substr(1, text.size() - 2));
  int index;
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit)) return std::nullopt;
  if (!absl::SimpleAtoi(digits, &index)) return std::nullopt;
  return index;
}

std::optional<PathStep> ParseStep(std::string_view text) {
  const size_t bracket = std::min(text.find('['), text.size());
  PathStep step{std::string(text.substr(0, bracket)), std::nullopt};
  if (step.name.empty()) return std::nullopt;
  if (bracket == text.size()) return step;
  step.index = ParseIndex(text.substr(bracket));
  if (!step.index.has_value()) return std::nullopt;
  return step;
}

}  // namespace

std::optional<std::vector<PathStep>> ParseFieldPath(std::string_view text) {
  std::vector<PathStep> steps;
  while (true) {
    const size_t dot = text.find('.');
    std::optional<PathStep> step = ParseStep(text.substr(0, dot));
    if (!step.has_value()) return std::nullopt;
    steps.push_back(*std::move(step));
    if (dot == std::string_view::npos) return steps;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace lathe
