// Changing a file in place so that it is always whole.
#ifndef LATHE_CLIENTS_CLI_REPLACE_FILE_H_
#define LATHE_CLIENTS_CLI_REPLACE_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lathe {

// Writes beside the file, onto the disk, and renames. The file keeps its permissions, and a
// symbolic link still leads to it. After an error the file is as it was and nothing is left beside
// it. Only regular files that may be written are replaced.
absl::Status ReplaceFile(const std::string& path, std::string_view content);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_REPLACE_FILE_H_
