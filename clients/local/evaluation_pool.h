// Threads that evaluate requests for one coordinating thread.
#ifndef LATHE_CLIENTS_LOCAL_EVALUATION_POOL_H_
#define LATHE_CLIENTS_LOCAL_EVALUATION_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "evaluators/evaluator.h"
#include "lathe/v1/task.pb.h"
#include "search/outcome.h"

namespace lathe {

// The scores of `requests`, which differ in their programs alone. `arenas` are resolved tasks.
std::vector<absl::StatusOr<EvaluationResult>> RunRequests(
    Evaluator& evaluator, const std::vector<v1::Task>& arenas,
    const std::vector<EvaluationRequest>& requests);

// Submit and Take are called by one thread. Destruction waits for the requests that run and drops
// those that do not.
class EvaluationPool {
 public:
  struct Finished {
    uint64_t id;
    absl::StatusOr<EvaluationResult> result;
  };

  // `evaluator` outlives the pool; it is called from `threads` threads at once.
  EvaluationPool(Evaluator& evaluator, std::vector<v1::Task> arenas, int threads);
  ~EvaluationPool();
  EvaluationPool(const EvaluationPool&) = delete;
  EvaluationPool& operator=(const EvaluationPool&) = delete;

  void Submit(uint64_t id, EvaluationRequest request);
  // Waits for a request to finish, in whatever order they do. There must be one submitted and not
  // taken.
  Finished Take();
  // Time that all threads together have spent on requests that are finished.
  double DeviceSeconds();

 private:
  void Work();
  using Submitted = std::pair<uint64_t, EvaluationRequest>;
  // The next request and others like it, as many as the evaluator likes at a time. The mutex is
  // held, and there is one.
  std::vector<Submitted> TakeAlike();

  Evaluator& evaluator_;
  const std::vector<v1::Task> arenas_;
  std::mutex mutex_;
  std::condition_variable work_ready_, result_ready_;
  std::deque<Submitted> requests_;
  std::deque<Finished> finished_;
  double device_seconds_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_LOCAL_EVALUATION_POOL_H_
