// Names the user may have meant.
#ifndef LATHE_CLIENTS_JOB_CLOSEST_NAME_H_
#define LATHE_CLIENTS_JOB_CLOSEST_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`.
int EditDistance(std::string_view a, std::string_view b);

// " (did you mean NAME?)" for the first of the allowed names closest to `given` if it is close
// enough to be a slip of the hand, else nothing.
std::string Suggestion(std::string_view given, const std::vector<std::string>& allowed);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_CLOSEST_NAME_H_
