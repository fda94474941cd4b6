// What a worker did, for whoever checks a service from outside: a line per item that is started and
// per result that a server has acknowledged. Several workers may write one file. Thread-safe.
//
//   started ITEM_KEY PROGRAM_HASH SEED,SEED,...
//   acknowledged ITEM_KEY PROGRAM_HASH OBJECTIVE,diverged,...
#ifndef LATHE_WORKERS_JOURNAL_H_
#define LATHE_WORKERS_JOURNAL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lathe/v1/worker_service.pb.h"
#include "workers/file_descriptor.h"

namespace lathe {

class Journal {
 public:
  // Appends to a file, which is created if it is missing. Each line is one write, so that lines of
  // several processes do not mix, and a killed process leaves no half of one.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& path);

  void Started(const std::string& item_key, const v1::EvaluationItem& item);
  // A fault leaves no line.
  void Acknowledged(const v1::ItemResult& result);

 private:
  explicit Journal(FileDescriptor file) : file_(std::move(file)) {}
  void Write(const std::string& line);

  const FileDescriptor file_;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_JOURNAL_H_
