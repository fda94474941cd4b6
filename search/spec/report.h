// What a search and its study have to tell, as messages.
#ifndef LATHE_SEARCH_SPEC_REPORT_H_
#define LATHE_SEARCH_SPEC_REPORT_H_

#include <optional>

#include "lathe/v1/job_spec.pb.h"
#include "lathe/v1/report.pb.h"
#include "lathe/v1/resources.pb.h"
#include "search/study.h"
#include "search/trajectory.h"

namespace lathe {

v1::CandidateCounts CountsOf(const Trajectory::Counts& counts);

// The best candidate told so far; nothing if none has run through. Cheap at any time.
std::optional<v1::BestCandidate> BestOf(const Trajectory& trajectory);

// Phase, share, counts and best of a job that is searching (`study` is null) or that compares. The
// search's share is that of the budget that will end it. `job` is resolved, here and below.
v1::JobProgress ProgressOf(const v1::JobSpec& job, const Trajectory& trajectory,
                           const Study* study);

// The report of a job that has ended; `study` is null if it has none. What does not follow from
// these is left to the caller: numeric class, stop reason, times, where evaluations came from.
v1::JobReport MakeReport(const v1::JobSpec& job, const Trajectory& trajectory, const Study* study);

}  // namespace lathe

#endif  // LATHE_SEARCH_SPEC_REPORT_H_
