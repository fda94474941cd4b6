// Reading files whole, packed with gzip or not.
#ifndef LATHE_EVALUATORS_DATASETS_INPUT_FILE_H_
#define LATHE_EVALUATORS_DATASETS_INPUT_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace lathe {

// What a parser is given: what a file holds, and its name for messages.
struct InputFile {
  std::string path, bytes;
};

// More than any file of a dataset that fits in memory; a small archive may pretend to more.
inline constexpr size_t kMaxInputBytes = size_t{8} << 30;

// The content of a file, decoded if it is packed with gzip. Not found if it cannot be opened; data
// loss if it is cut off or damaged, or holds more than `max_bytes`; resource exhausted if there is
// not the memory for it. Messages name the file. Takes no more memory than what it has read asks
// for.
absl::StatusOr<InputFile> ReadInputFile(const std::string& path, size_t max_bytes = kMaxInputBytes);

// The same for a file that has to be packed.
absl::StatusOr<std::string> ReadGzipFile(const std::string& path, size_t max_bytes);

}  // namespace lathe

#endif  // LATHE_EVALUATORS_DATASETS_INPUT_FILE_H_
