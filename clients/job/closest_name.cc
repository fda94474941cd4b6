#include "clients/job/closest_name.h"

#include <algorithm>
#include <cstdlib>

namespace lathe {
namespace {

// Slips that a name of this length may contain: short names are close to one another anyway.
int AllowedSlips(size_t length) {
  return length < 4 ? 1 : 2;
}

}  // namespace

int EditDistance(std::string_view a, std::string_view b) {
  // Row i holds the distances from the first i bytes of `a` to every beginning of `b`.
  std::vector<int> before, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

std::string Suggestion(std::string_view given, const std::vector<std::string>& allowed) {
  const std::string* closest = nullptr;
  int closest_distance = AllowedSlips(given.size()) + 1;
  for (const std::string& name : allowed) {
    const auto difference = static_cast<long>(name.size()) - static_cast<long>(given.size());
    if (std::labs(difference) >= closest_distance) continue;  // at least that far, and maybe huge
    const int distance = EditDistance(given, name);
    if (distance < closest_distance) {
      closest = &name;
      closest_distance = distance;
    }
  }
  return closest == nullptr ? "" : " (did you mean " + *closest + "?)";
}

}  // namespace lathe
