#include "evaluators/datasets/zip_archive.h"

#include <zip.h>

#include <algorithm>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr size_t kFirstBytes = size_t{1} << 16, kMostBytes = size_t{1} << 26;
constexpr zip_int64_t kShownNames = 20;

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;
struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ~ZipError() { zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t* Get() { return &error_; }
  std::string Text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_;
};

absl::Status Damaged(const std::string& place, const std::string& what) {
  return absl::DataLossError(absl::StrCat(place, ": ", what));
}

absl::StatusOr<Archive> Open(const InputFile& file) {
  ZipError error;
  zip_source_t* source =
      zip_source_buffer_create(file.bytes.data(), file.bytes.size(), 0, error.Get());
  if (source == nullptr) return Damaged(file.path, error.Text());
  Archive archive(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, error.Get()));
  if (archive != nullptr) return archive;
  zip_source_free(source);
  return Damaged(file.path, absl::StrCat("is no whole zip archive: ", error.Text()));
}

std::string Names(zip_t* archive) {
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  std::string names;
  for (zip_int64_t i = 0; i < std::min(count, kShownNames); ++i) {
    const char* name = zip_get_name(archive, static_cast<zip_uint64_t>(i), 0);
    absl::StrAppend(&names, names.empty() ? "" : ", ",
                    absl::Utf8SafeCEscape(name == nullptr ? "?" : name));
  }
  if (count > kShownNames) absl::StrAppend(&names, ", ...");
  return names.empty() ? "nothing" : names;
}

// Whatever size the archive claims.
absl::StatusOr<std::string> ReadAll(zip_file_t* file, const std::string& place, size_t max_bytes) {
  std::string content;
  while (content.size() <= max_bytes) {
    const size_t begin = content.size();
    const size_t step = std::min(std::clamp(begin, kFirstBytes, kMostBytes), max_bytes + 1 - begin);
    content.resize(begin + step);
    const zip_int64_t size = zip_fread(file, content.data() + begin, step);
    if (size < 0) return Damaged(place, zip_file_strerror(file));
    content.resize(begin + static_cast<size_t>(size));
    if (size == 0) return content;
  }
  return Damaged(place, absl::StrCat("decodes to more than the ", max_bytes, " bytes allowed"));
}

}  // namespace

absl::StatusOr<std::string> ReadZipMember(const InputFile& archive, const std::string& member,
                                          size_t max_bytes) {
  const absl::StatusOr<Archive> opened = Open(archive);
  if (!opened.ok()) return opened.status();
  const zip_int64_t index = zip_name_locate(opened->get(), member.c_str(), ZIP_FL_ENC_GUESS);
  if (index < 0) {
    return absl::NotFoundError(absl::StrCat(archive.path, ": has no \"",
                                            absl::Utf8SafeCEscape(member),
                                            "\"; it has: ", Names(opened->get())));
  }
  const std::string place = absl::StrCat(archive.path, ": ", absl::Utf8SafeCEscape(member));
  const std::unique_ptr<zip_file_t, CloseMember> file(
      zip_fopen_index(opened->get(), static_cast<zip_uint64_t>(index), 0));
  if (file == nullptr) return Damaged(place, zip_strerror(opened->get()));
  return ReadAll(file.get(), place, max_bytes);
}

}  // namespace lathe
