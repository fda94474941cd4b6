// Reading gzip files.
#ifndef LATHE_EVALUATORS_GZIP_FILE_H_
#define LATHE_EVALUATORS_GZIP_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace lathe {

// The decoded content of a gzip file. Not found if it cannot be opened; data loss if it is not
// gzip, is cut off or damaged, or decodes to more than `max_bytes`. Messages name the file.
absl::StatusOr<std::string> ReadGzipFile(const std::string& path, size_t max_bytes);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_GZIP_FILE_H_
