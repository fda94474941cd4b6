// Reading whole text files, in bounds.
#ifndef LATHE_CLIENTS_JOB_TEXT_FILE_H_
#define LATHE_CLIENTS_JOB_TEXT_FILE_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace lathe {

enum class FileKind : uint8_t {
  kRegular,  // nothing that could block or never end
  kAny,      // also pipes and the like: the user named the file and can stop waiting for it
};

// What is in the file, but at most kMaxTextBytes + 1 bytes of it: enough to see that it is too
// large. The message says why a file cannot be read, and does not repeat its path.
absl::StatusOr<std::string> ReadTextFile(const std::filesystem::path& path, FileKind kind);

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_TEXT_FILE_H_
