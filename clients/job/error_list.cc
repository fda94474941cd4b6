#include "clients/job/error_list.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lathe {

void ErrorList::Add(const std::string& place, const std::string& field,
                    const std::string& problem) {
  AddLine(absl::StrCat(place, ": ", field, field.empty() ? "" : ": ", problem));
}

void ErrorList::Add(const absl::Status& status) {
  AddLine(std::string(status.message()));
}

absl::Status ErrorList::ToStatus() const {
  if (lines_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
}

void ErrorList::AddLine(std::string line) {
  if (!full()) lines_.push_back(std::move(line));
}

}  // namespace lathe
