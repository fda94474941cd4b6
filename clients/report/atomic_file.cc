#include "clients/report/atomic_file.h"

#include <unistd.h>

#include <filesystem>

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

AtomicFile::AtomicFile(std::string path)
    : path_(std::move(path)), file_(PartialName(path_), std::ios::binary | std::ios::trunc) {}

AtomicFile::~AtomicFile() {
  std::error_code error;
  fs::remove(PartialName(path_), error);
}

absl::Status AtomicFile::Commit() {
  file_.close();
  std::error_code error;
  if (file_) fs::rename(PartialName(path_), path_, error);
  if (file_ && !error) return absl::OkStatus();
  return absl::UnavailableError(path_ + ": cannot be written; the folder must exist and have room");
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& content) {
  AtomicFile file(path);
  file.Write(content);
  return file.Commit();
}

}  // namespace lathe
