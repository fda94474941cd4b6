#include "search/log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dsl/text.h"

namespace lathe {

std::vector<Range> RangesOf(const Program& program) {
  std::vector<Range> ranges;
  for (const Hyper& hyper : program.hypers) ranges.push_back(hyper.range);
  const bool bounded = std::any_of(ranges.begin(), ranges.end(),
                                   [](const Range& range) { return range != Range(); });
  return bounded ? ranges : std::vector<Range>();
}

absl::StatusOr<Program> CandidateRecord::Raw() const {
  ParseResult parsed = Parse(raw_text);
  if (!parsed.program || (!ranges.empty() && ranges.size() != parsed.program->hypers.size())) {
    return absl::DataLossError(absl::StrCat("the log of the search is damaged at candidate ", index,
                                            ": its raw text is no program"));
  }
  for (size_t i = 0; i < ranges.size(); ++i) parsed.program->hypers[i].range = ranges[i];
  return *std::move(parsed.program);
}

}  // namespace lathe
