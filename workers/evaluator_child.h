// An evaluator process and the conversation with it.
#ifndef LATHE_WORKERS_EVALUATOR_CHILD_H_
#define LATHE_WORKERS_EVALUATOR_CHILD_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lathe/v1/evaluator.pb.h"
#include "process/child_process.h"
#include "workers/file_descriptor.h"

namespace lathe {

// Not thread-safe but for Interrupt. Destruction kills the process and all that it has started.
class EvaluatorChild {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Called by a thread that lives as long as the process (see ChildOptions).
  static absl::StatusOr<std::unique_ptr<EvaluatorChild>> Start(
      const std::string& program, const std::vector<std::string>& arguments);

  // Each fails as ReadFrame and WriteFrame do; the conversation is over then.
  absl::StatusOr<v1::EvaluatorHello> ReadHello(TimePoint deadline);
  absl::Status Send(const v1::EvaluatorBatch& batch, TimePoint deadline);
  absl::StatusOr<v1::EvaluatorResult> ReadResult(TimePoint deadline);

  // Whether the process has ended by itself.
  bool HasEnded() const { return EndsWithin(std::chrono::milliseconds(0)); }

  // After the conversation has failed: kills whatever is left. How the process had ended by itself,
  // for which it is given a moment; nothing if it was this call that ended it.
  std::optional<ExitStatus> End();

  // Thread-safe: lets the conversation fail, now and from now on.
  void Interrupt();

 private:
  EvaluatorChild(ChildProcess process, FileDescriptor socket, FileDescriptor ended)
      : process_(std::move(process)), socket_(std::move(socket)), ended_(std::move(ended)) {}

  bool EndsWithin(std::chrono::milliseconds time) const;

  ChildProcess process_;
  FileDescriptor socket_;
  FileDescriptor ended_;  // readable once the process has ended
};

}  // namespace lathe

#endif  // LATHE_WORKERS_EVALUATOR_CHILD_H_
