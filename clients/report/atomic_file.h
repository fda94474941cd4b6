// Files that are there whole or not at all.
#ifndef LATHE_CLIENTS_REPORT_ATOMIC_FILE_H_
#define LATHE_CLIENTS_REPORT_ATOMIC_FILE_H_

#include <fstream>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace lathe {

// Where a file is written before it gets its name; no other process uses it.
std::string PartialName(const std::string& path);

// Whether a file can be written there, told before an hour's work is lost to a folder that is not
// there. Leaves nothing behind. An empty path is nothing to write.
absl::Status CheckWritable(const std::string& path);

// A file that is written bit by bit beside its name, and gets the name in the end.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  // Without a Commit nothing is left.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Write(std::string_view content) { file_ << content; }
  // OK once all that was written is there under the name.
  absl::Status Commit();

 private:
  const std::string path_;
  std::ofstream file_;
};

absl::Status WriteFileAtomically(const std::string& path, const std::string& content);

}  // namespace lathe

#endif  // LATHE_CLIENTS_REPORT_ATOMIC_FILE_H_
