// The mistakes of a job file, collected so that its author sees all of them at once.
#ifndef LATHE_CLIENTS_JOB_ERROR_LIST_H_
#define LATHE_CLIENTS_JOB_ERROR_LIST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace lathe {

// Not thread-safe.
class ErrorList {
 public:
  static constexpr size_t kMax = 20;

  // One line "PLACE: FIELD: PROBLEM"; `field` is empty where the problem is with all of a text.
  // What comes after kMax errors is dropped.
  void Add(const std::string& place, const std::string& field, const std::string& problem);
  // Keeps the message of `status`, which is a line of its own.
  void Add(const absl::Status& status);

  bool empty() const { return lines_.empty(); }
  bool full() const { return lines_.size() >= kMax; }

  // Ok if nothing was added, else an invalid argument with one error a line.
  absl::Status ToStatus() const;

 private:
  void AddLine(std::string line);

  std::vector<std::string> lines_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_ERROR_LIST_H_
