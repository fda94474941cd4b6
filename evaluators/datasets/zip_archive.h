// Reading zip archives that are in memory.
#ifndef LATHE_EVALUATORS_DATASETS_ZIP_ARCHIVE_H_
#define LATHE_EVALUATORS_DATASETS_ZIP_ARCHIVE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "evaluators/datasets/input_file.h"

namespace lathe {

// One file of an archive, decoded. Data loss for an archive or a file that is damaged, encrypted or
// larger than `max_bytes` allows, not found, with the names that are there, if there is no such
// file. Takes no more memory than what it has decoded asks for.
absl::StatusOr<std::string> ReadZipMember(const InputFile& archive, const std::string& member,
                                          size_t max_bytes = kMaxInputBytes);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_ZIP_ARCHIVE_H_
