// Paths to fields: "study.baselines[0].base_lr".
#ifndef LATHE_CLIENTS_JOB_FIELD_PATH_H_
#define LATHE_CLIENTS_JOB_FIELD_PATH_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct PathStep {
  std::string name;          // a field, or a key of a map
  std::optional<int> index;  // of the element, if the field is a list
};

// Nothing if `text` is not a path; a path has at least one step.
std::optional<std::vector<PathStep>> ParseFieldPath(std::string_view text);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_FIELD_PATH_H_
