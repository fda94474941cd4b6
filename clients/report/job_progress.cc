#include "clients/report/job_progress.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

constexpr const char* kSearch = "search";

// By name: a protobuf map has no order of its own.
std::string RejectedText(const v1::CandidateCounts& counts) {
  const std::map<std::string, uint64_t> rejected(counts.rejected().begin(),
                                                 counts.rejected().end());
  std::string text;
  for (const auto& [filter, count] : rejected) {
    if (count > 0) absl::StrAppend(&text, " ", filter, " ", count);
  }
  return text.empty() ? " none" : text;
}

std::string SearchText(const v1::JobProgress& progress, double seconds) {
  const v1::CandidateCounts& counts = progress.candidates();
  const double span = std::max(seconds, 1e-9);
  const std::string best =
      progress.has_best() ? absl::StrFormat("%.4f", progress.best().objective()) : "none";
  std::string ends = absl::StrCat("diverged ", counts.diverged());
  if (counts.stopped_size() > 0) {
    absl::StrAppend(&ends, ", stopped ", absl::StrJoin(counts.stopped(), " + "));
  }
  return absl::StrFormat(
      "%.0f proposals/s, rejected:%s, duplicates %d, evaluated %d (%.1f/s, %s), best %s",
      static_cast<double>(counts.proposed()) / span, RejectedText(counts), counts.duplicates(),
      counts.evaluated(), static_cast<double>(counts.evaluated()) / span, ends, best);
}

}  // namespace

std::string ProgressText(const v1::JobProgress& progress, double seconds) {
  if (progress.phase() == kSearch) return SearchText(progress, seconds);
  return absl::StrCat("study: ", progress.phase(), " ", progress.done());
}

bool JobProgressLine::Due(std::string_view phase) {
  return line_.Due() || last_phase_ != phase;
}

void JobProgressLine::Show(const v1::JobProgress& progress, double seconds,
                           const std::string& note) {
  if (!shown_.phase().empty() && shown_.phase() != progress.phase()) FinishShown();
  shown_ = progress;
  last_phase_ = progress.phase();
  shown_seconds_ = seconds;
  const std::string text = ProgressText(progress, seconds);
  line_.Show(progress.done(), progress.total(), note.empty() ? text : text + "; " + note);
}

void JobProgressLine::FinishShown() {
  if (shown_.phase() == kSearch) {
    line_.Finish(1, 1, ProgressText(shown_, shown_seconds_));
  } else {
    line_.Finish(1, 1, "study: " + shown_.phase());
  }
  shown_.clear_phase();
}

void JobProgressLine::Finish(const v1::JobProgress& progress, double seconds) {
  if (progress.phase() == kSearch) {
    line_.Finish(progress.done(), progress.total(), ProgressText(progress, seconds));
  } else {
    line_.Finish(1, 1, "study: done");
  }
  shown_.clear_phase();
}

void JobProgressLine::Leave() {
  if (!shown_.phase().empty()) line_.End();
  shown_.clear_phase();
}

}  // namespace lathe
