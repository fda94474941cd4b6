// What a worker holds, from the lease to the acknowledgement of the result.
//
// An item is queued, then running, then finished, then acknowledged and forgotten. Each role below
// is played by one thread; the class is thread-safe.
#ifndef LATHE_WORKERS_HELD_WORK_H_
#define LATHE_WORKERS_HELD_WORK_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "lathe/v1/evaluator.pb.h"
#include "lathe/v1/worker_service.pb.h"

namespace lathe {

class HeldWork {
 public:
  struct Finished {
    uint64_t id;
    v1::ItemResult result;
  };

  // `batch` is the most that is evaluated at a time. While something is, as many more may be
  // queued, so that nothing waits for the network and the next batch is a whole one.
  // Evaluators tell the results of what they ran side by side one after the other: those that come
  // within `gather` of the first are reported together.
  explicit HeldWork(int batch, std::chrono::milliseconds gather = std::chrono::milliseconds(5));

  // Who leases.
  // Waits for room; how many items there is room for. 0 once Close has been called.
  int WaitForRoom();
  // How often what was queued has been forgotten so far.
  uint64_t Generation() const;
  // What was granted in an answer to a call that was made in that generation. If that is over, or
  // Close has been called, the items are forgotten.
  void Add(const v1::LeaseEvaluationsResponse& leases, uint64_t generation);

  // Who evaluates.
  // Waits for items, or for Close.
  void WaitForItems();
  // Waits for items and takes up to a batch. None once Close has been called.
  std::vector<v1::EvaluatorItem> TakeBatch();
  // Completes the result with token and hash. Ids that are not held are ignored.
  void Finish(uint64_t id, v1::ItemResult result);
  // Nothing will be finished any more: what has no result is forgotten. Implies Close.
  void EndEvaluating();

  // Who reports.
  // Waits for results, and while something runs for those that come together with them; all that
  // are finished, at most `most`. None once there will be none.
  std::vector<Finished> WaitForFinished(size_t most);
  void Acknowledge(const std::vector<uint64_t>& ids);

  // Anybody.
  // Names an item that is held, see LeaseToken; empty if it is not.
  std::string KeyOf(uint64_t id) const;
  // The leases of all that is held.
  std::vector<v1::LeaseToken> Tokens() const;
  // The leases are over: what is queued is forgotten, what is running too and returned, what is
  // finished stays to be reported.
  std::vector<uint64_t> ForgetEnded(
      const google::protobuf::RepeatedPtrField<v1::LeaseToken>& ended);
  // What has not been started is forgotten.
  void ForgetQueued();
  // Nothing more is started; what is queued is forgotten.
  void Close();
  // Finished ones that are not acknowledged.
  size_t Unacknowledged() const;

 private:
  enum class State : uint8_t { kQueued, kRunning, kFinished };
  struct Entry {
    State state = State::kQueued;
    v1::LeaseToken token;
    v1::EvaluationItem item;  // while queued
    std::string program_hash;
    v1::ItemResult result;  // once finished
  };

  int Room() const;
  bool MayTake() const;
  void EraseQueued();

  const int batch_;
  const std::chrono::milliseconds gather_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Entry> entries_;  // by id
  std::deque<uint64_t> queue_;         // of the queued ones, the oldest first
  size_t running_ = 0, finished_ = 0;
  uint64_t next_id_ = 1;
  uint64_t generation_ = 0;
  bool closed_ = false;
  bool ended_ = false;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_HELD_WORK_H_
