// Files that are there whole or not at all.
#ifndef LATHE_CLIENTS_REPORT_ATOMIC_FILE_H_
#define LATHE_CLIENTS_REPORT_ATOMIC_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace lathe {

// Where a file is written before it gets its name; no other process uses it.
std::string PartialName(const std::string& path);

// Whether a file can be written there, told before an hour's work is lost to a folder that is not
// there. Leaves nothing behind. An empty path is nothing to write.
absl::Status CheckWritable(const std::string& path);

// Writes beside the file and renames.
absl::Status WriteFileAtomically(const std::string& path, const std::string& content);

}  // namespace lathe

#endif  // LATHE_CLIENTS_REPORT_ATOMIC_FILE_H_
