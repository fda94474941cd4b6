#include "server/store/store_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(const std::string& what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::generic_category().message(error));
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::FailedPreconditionError(message);
}

absl::Status CreateDirectory(const std::string& directory) {
  fs::path path = directory;
  if (!path.has_filename()) path = path.parent_path();  // it ended in a slash
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (!error && mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    error = std::error_code(errno, std::generic_category());
  }
  if (!error) return absl::OkStatus();
  return SystemError(absl::StrCat("cannot create store ", directory), error.value());
}

absl::Status CheckAccess(const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    if (error) return SystemError(absl::StrCat("cannot open store ", directory), error.value());
    return absl::FailedPreconditionError(
        absl::StrCat("cannot open store ", directory, ": it is not a directory"));
  }
  if (faccessat(AT_FDCWD, directory.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) == 0) {
    return absl::OkStatus();
  }
  return SystemError(absl::StrCat("cannot read and write store ", directory), errno);
}

absl::StatusOr<std::set<std::string>> FileNames(const std::string& directory) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.insert(it->path().filename().string());
  }
  if (error) return SystemError(absl::StrCat("cannot list store ", directory), error.value());
  names.erase("lost+found");  // the root of a new file system has it
  return names;
}

bool IsManifest(const std::string& name) {
  return absl::StartsWith(name, "MANIFEST-");
}

// What RocksDB writes before CURRENT, with which a database begins.
bool PrecedesDatabase(const std::string& name) {
  return name == "LOCK" || name == "IDENTITY" || IsManifest(name) || name == "LOG" ||
         absl::StartsWith(name, "LOG.old.") || absl::EndsWith(name, ".dbtmp");
}

}  // namespace

absl::StatusOr<DirectoryContent> PrepareStoreDirectory(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(directory, error) && !error) {
    if (absl::Status status = CreateDirectory(directory); !status.ok()) return status;
  }
  if (absl::Status status = CheckAccess(directory); !status.ok()) return status;
  const auto names = FileNames(directory);
  if (!names.ok()) return names.status();
  if (names->contains("CURRENT")) return DirectoryContent::kDatabase;
  if (std::all_of(names->begin(), names->end(), PrecedesDatabase)) {
    return DirectoryContent::kNothing;
  }
  if (std::any_of(names->begin(), names->end(), IsManifest)) {
    return absl::DataLossError(
        absl::StrCat("store ", directory, " is damaged: it has no file ", directory, "/CURRENT"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(directory, " has files but is no store: name an empty or a new directory"));
}

bool HasRecords(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const fs::path extension = it->path().extension();
    if (extension == ".sst" || (extension == ".log" && it->file_size(error) > 0)) return true;
  }
  return static_cast<bool>(error);
}

}  // namespace lathe
