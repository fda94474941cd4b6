#include "clients/report/atomic_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace lathe {

namespace fs = std::filesystem;

std::string PartialName(const std::string& path) {
  return absl::StrCat(path, ".partial-", getpid());
}

absl::Status CheckWritable(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  const std::string probe = PartialName(path);
  const bool good = std::ofstream(probe).good();
  std::error_code error;
  fs::remove(probe, error);
  if (good && !fs::is_directory(path, error)) return absl::OkStatus();
  return absl::UnavailableError(path + ": cannot be written; the folder must exist and allow it");
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& content) {
  const std::string partial = PartialName(path);
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  std::error_code error;
  if (file) fs::rename(partial, path, error);
  if (file && !error) return absl::OkStatus();
  fs::remove(partial, error);
  return absl::UnavailableError(path + ": cannot be written; the folder must exist and have room");
}

}  // namespace lathe
