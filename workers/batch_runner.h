// The seam behind which a worker's items are evaluated.
#ifndef LATHE_WORKERS_BATCH_RUNNER_H_
#define LATHE_WORKERS_BATCH_RUNNER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lathe/v1/evaluator.pb.h"
#include "lathe/v1/worker_service.pb.h"

namespace lathe {

// Hello and Run are called by one thread; Drop and Stop by any.
class BatchRunner {
 public:
  // Takes the result of the item with this id: scores or a fault, and the duration. The token and
  // the hash are the caller's to fill in.
  using OnResult = std::function<void(uint64_t id, v1::ItemResult result)>;

  virtual ~BatchRunner() = default;

  // What evaluates says of itself; starts it if it does not run.
  virtual absl::StatusOr<v1::EvaluatorHello> Hello() = 0;

  // Evaluates `items`, whose ids are unique for good, and calls `on_result` once for each of them,
  // as each is done, on this thread; not for those that are dropped in the meantime. An error
  // (nothing can be evaluated any more, Stop was called) leaves the rest without results.
  virtual absl::Status Run(const std::vector<v1::EvaluatorItem>& items,
                           const OnResult& on_result) = 0;

  // The results of these items are not wanted any more. Those that Run does not have are ignored.
  virtual void Drop(const std::vector<uint64_t>& ids) = 0;

  // Ends Run and Hello at once, now and whenever they are called.
  virtual void Stop() = 0;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_BATCH_RUNNER_H_
