// Programs that a job names by a file: a server never sees paths, so the client sends their text.
#ifndef LATHE_CLIENTS_JOB_PROGRAM_FILES_H_
#define LATHE_CLIENTS_JOB_PROGRAM_FILES_H_

#include <filesystem>
#include <string>

#include "clients/job/message_mapping.h"
#include "lathe/v1/job_spec.pb.h"

namespace lathe {

// The most bytes that the program files of one job may have together.
inline constexpr size_t kMaxProgramBytes = size_t{16} << 20;

// Whether an entry is a path rather than the name or the text of a program: one line that ends in
// ".lathe".
bool IsProgramFile(const std::string& entry);

// Replaces the program files among `warm_start` and `study.baselines[].program` by what is in
// them. Relative paths start at `folder`. Errors are added to `log`, at the places it knows.
void InlineProgramFiles(const std::filesystem::path& folder, v1::JobSpec* job, MappingLog* log);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_PROGRAM_FILES_H_
