// Makes the state machines of search/ from a resolved job.
#ifndef LATHE_SEARCH_SPEC_BUILD_SEARCH_H_
#define LATHE_SEARCH_SPEC_BUILD_SEARCH_H_

#include <memory>

#include "lathe/v1/job.pb.h"
#include "search/study.h"
#include "search/trajectory.h"

namespace lathe {

// `job` is resolved in all of these.
std::unique_ptr<Trajectory> BuildTrajectory(const v1::Job& job);

// The study of a job that has one. `main` has ended. Controls search with the job's seed, window
// and budget.
std::unique_ptr<Study> BuildStudy(const v1::Job& job, const Trajectory& main);

// The tasks behind the arenas of evaluation requests: the job's own, then the study's further ones.
std::vector<v1::Task> ArenaTasks(const v1::Job& job);

}  // namespace lathe

#endif  // LATHE_SEARCH_SPEC_BUILD_SEARCH_H_
