// What a job tells once it has ended: a table to read, JSON for programs, the found program as a
// file.
#ifndef LATHE_CLIENTS_REPORT_REPORT_H_
#define LATHE_CLIENTS_REPORT_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "lathe/v1/report.pb.h"

namespace lathe {

// state, seed, candidates, best, trajectory_hash, wall_seconds, study, and what they rest on.
nlohmann::json ReportJson(const v1::JobReport& report);

// The summary of the search, and of the study its tables and plain sentences.
std::string ReportText(const v1::JobReport& report);

// The found program, which there is, with a comment that says where it comes from.
std::string FoundProgramFile(const v1::JobReport& report);

}  // namespace lathe

#endif  // LATHE_CLIENTS_REPORT_REPORT_H_
