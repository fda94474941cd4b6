// Jobs, workers and programs as a user reads them.
#ifndef LATHE_CLIENTS_CLI_JOB_TEXT_H_
#define LATHE_CLIENTS_CLI_JOB_TEXT_H_

#include <string>
#include <vector>

#include "clients/cli/terminal_text.h"
#include "lathe/v1/resources.pb.h"

namespace lathe {

bool HasEnded(v1::Job::State state);
// "running"
std::string StateText(v1::Job::State state);

// A table of jobs, or a sentence if there are none. `now` in seconds since 1970.
std::string JobTable(const std::vector<v1::Job>& jobs, double now);
std::string WorkerTable(const std::vector<v1::Worker>& workers, double now);

// How long the search of a job has been running, as far as the service has told.
double RunningSeconds(const v1::Job& job);

// Everything that is told of a job but its report, a line each.
std::string JobText(const v1::Job& job);
// A few words about what a job searches, a line for each part.
std::string SpecText(const v1::JobSpec& spec);

std::string CandidateText(const v1::Candidate& candidate);
std::string ProgramText(const v1::Program& program, const std::vector<v1::Evaluation>& evaluations);

// "2026-01-31 12:00:01  warning  text"
std::string LogLine(const v1::LogEntry& entry);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_JOB_TEXT_H_
