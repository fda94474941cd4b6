#include "clients/job/text_file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include "clients/job/source_text.h"

namespace lathe {

namespace fs = std::filesystem;

absl::StatusOr<std::string> ReadTextFile(const fs::path& path, FileKind kind) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return absl::NotFoundError(error ? error.message() : "no such file");
  if (fs::is_directory(status)) return absl::InvalidArgumentError("it is a directory");
  if (kind == FileKind::kRegular && !fs::is_regular_file(status)) {
    return absl::InvalidArgumentError("it is not a regular file");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxTextBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return absl::InvalidArgumentError(std::generic_category().message(errno));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace lathe
