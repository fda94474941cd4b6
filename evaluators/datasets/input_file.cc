#include "evaluators/datasets/input_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "evaluators/datasets/without_exceptions.h"

namespace lathe {
namespace {

constexpr size_t kFirstBytes = size_t{1} << 16, kMostBytes = size_t{1} << 26;

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzipHandle = std::unique_ptr<gzFile_s, CloseGzip>;

absl::Status Damaged(const std::string& path, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<std::string> ReadAll(gzFile file, const std::string& path, size_t max_bytes) {
  std::string content;
  while (content.size() <= max_bytes) {
    const size_t begin = content.size();
    const size_t step = std::min(std::clamp(begin, kFirstBytes, kMostBytes), max_bytes + 1 - begin);
    content.resize(begin + step);
    const size_t size = gzfread(content.data() + begin, 1, step, file);
    content.resize(begin + size);
    int error = Z_OK;
    const char* message = gzerror(file, &error);
    if (error != Z_OK) return absl::DataLossError(message);  // starts with the path
    if (size < step) return content;
  }
  return Damaged(path, absl::StrCat("decodes to more than the ", max_bytes, " bytes allowed"));
}

absl::StatusOr<GzipHandle> Open(const std::string& path) {
  GzipHandle file(gzopen(path.c_str(), "rb"));
  if (file != nullptr) return file;
  return absl::NotFoundError(absl::StrCat(path, ": cannot be opened: ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<InputFile> ReadInputFile(const std::string& path, size_t max_bytes) {
  const absl::StatusOr<GzipHandle> file = Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::string> content =
      WithoutExceptions([&] { return ReadAll(file->get(), path, max_bytes); });
  if (absl::IsResourceExhausted(content.status())) {
    return absl::ResourceExhaustedError(absl::StrCat(path, ": ", content.status().message()));
  }
  if (!content.ok()) return content.status();
  return InputFile{path, *std::move(content)};
}

absl::StatusOr<std::string> ReadGzipFile(const std::string& path, size_t max_bytes) {
  const absl::StatusOr<GzipHandle> file = Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::string> content = ReadAll(file->get(), path, max_bytes);
  if (gzdirect(file->get())) return Damaged(path, "is not a gzip file");
  return content;
}

}  // namespace lathe
