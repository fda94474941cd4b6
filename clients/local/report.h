// What a local run tells: a table to read, JSON for programs, the found program as a file.
#ifndef LATHE_CLIENTS_LOCAL_REPORT_H_
#define LATHE_CLIENTS_LOCAL_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "clients/local/local_run.h"

namespace lathe {

// state, seed, candidates, best, trajectory_hash, wall_seconds, study, and what they rest on.
nlohmann::json ReportJson(const LocalRunResult& run);

// The summary of the search, and of the study its tables and plain sentences.
std::string ReportText(const LocalRunResult& run);

// The found program with a comment that says where it comes from.
std::string FoundProgramFile(const LocalRunResult& run);

// Where a file is written before it gets its name; no other process uses it.
std::string PartialName(const std::string& path);

// Writes beside the file and renames, so that a file is there whole or not at all.
absl::Status WriteFileAtomically(const std::string& path, const std::string& content);

}  // namespace lathe

#endif  // LATHE_CLIENTS_LOCAL_REPORT_H_
