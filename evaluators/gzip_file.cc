#include "evaluators/gzip_file.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzipHandle = std::unique_ptr<gzFile_s, CloseGzip>;

absl::Status Damaged(const std::string& path, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

}  // namespace

absl::StatusOr<std::string> ReadGzipFile(const std::string& path, size_t max_bytes) {
  const GzipHandle file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be opened: ", std::strerror(errno)));
  }
  std::string content(max_bytes + 1, '\0');
  const size_t size = gzfread(content.data(), 1, content.size(), file.get());
  int error = Z_OK;
  const char* message = gzerror(file.get(), &error);
  if (error != Z_OK) return absl::DataLossError(message);  // starts with the path
  if (gzdirect(file.get())) return Damaged(path, "is not a gzip file");
  if (size > max_bytes) {
    return Damaged(path, absl::StrCat("decodes to more than the ", max_bytes, " bytes allowed"));
  }
  content.resize(size);
  return content;
}

}  // namespace lathe
