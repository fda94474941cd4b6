// Makes the state machines of search/ from a resolved job.
#ifndef LATHE_SEARCH_SPEC_BUILD_SEARCH_H_
#define LATHE_SEARCH_SPEC_BUILD_SEARCH_H_

#include <functional>
#include <memory>

#include "lathe/v1/job_spec.pb.h"
#include "search/study.h"
#include "search/trajectory.h"

namespace lathe {

// `job` is resolved in all of these. `on_record` as in TrajectoryOptions; controls of a study have
// none.
std::unique_ptr<Trajectory> BuildTrajectory(
    const v1::JobSpec& job, std::function<void(const CandidateRecord&)> on_record = {});

// The study of a job that has one. `main` has ended. Controls search with the job's seed, window
// and budget.
std::unique_ptr<Study> BuildStudy(const v1::JobSpec& job, const Trajectory& main);

// The tasks behind the arenas of evaluation requests: the job's own, then the study's further ones.
std::vector<v1::Task> ArenaTasks(const v1::JobSpec& job);

}  // namespace lathe

#endif  // LATHE_SEARCH_SPEC_BUILD_SEARCH_H_
