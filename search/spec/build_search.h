// Makes the state machines of search/ from a resolved job.
#ifndef LATHE_SEARCH_SPEC_BUILD_SEARCH_H_
#define LATHE_SEARCH_SPEC_BUILD_SEARCH_H_

#include <memory>
#include <vector>

#include "lathe/v1/job_spec.pb.h"
#include "search/study.h"
#include "search/trajectory.h"

namespace lathe {

// `job` is resolved in all of these. `log` as in TrajectoryOptions.
std::unique_ptr<Trajectory> BuildTrajectory(const v1::JobSpec& job, LogWriter* log = nullptr);

// The search of one of its controls. It has the job's seed, window and budget.
std::unique_ptr<Trajectory> BuildControl(const v1::JobSpec& job, int control,
                                         LogWriter* log = nullptr);

// The study of a job that has one. `main` has ended. `controls` are its control searches, in order.
std::unique_ptr<Study> BuildStudy(const v1::JobSpec& job, const Trajectory& main,
                                  std::vector<std::unique_ptr<Trajectory>> controls);
// The same with controls that start anew and write no log.
std::unique_ptr<Study> BuildStudy(const v1::JobSpec& job, const Trajectory& main);

// The tasks behind the arenas of evaluation requests: the job's own, then the study's further ones,
// then those of the hurdles.
std::vector<v1::Task> ArenaTasks(const v1::JobSpec& job);

}  // namespace lathe

#endif  // LATHE_SEARCH_SPEC_BUILD_SEARCH_H_
