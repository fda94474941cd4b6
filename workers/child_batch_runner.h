// Runs batches in an evaluator process of its own, which it starts again after a fault.
//
// When the process ends or is too slow, the results that have come stand; the unfinished rest is
// run again in a new process, halved, until what is at fault is alone. Only an item that is alone
// gets a fault, for a crash only in a process that has evaluated nothing else before. A process
// that is killed by a SIGKILL from elsewhere says nothing about the items: they are run again as
// they are, a few times, before they are halved as well.
#ifndef LATHE_WORKERS_CHILD_BATCH_RUNNER_H_
#define LATHE_WORKERS_CHILD_BATCH_RUNNER_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "workers/batch_runner.h"
#include "workers/evaluator_child.h"

namespace lathe {

struct ChildBatchRunnerOptions {
  std::string program;  // path of the evaluator
  std::vector<std::string> arguments;
  // From the start to the hello.
  std::chrono::milliseconds startup_allowance{60'000};
};

// The calls of Hello and Run come from a thread that lives as long as the process: the evaluator
// dies with it. A restarted evaluator must have the same numeric class, device and models, or Run
// ends with failed precondition: results of two numeric classes would be taken for one. Its data
// may be others, since datasets come and go while a worker runs: every item says what content it
// needs.
class ChildBatchRunner : public BatchRunner {
 public:
  explicit ChildBatchRunner(ChildBatchRunnerOptions options) : options_(std::move(options)) {}

  absl::StatusOr<v1::EvaluatorHello> Hello() override;
  absl::Status Run(const std::vector<v1::EvaluatorItem>& items, const OnResult& on_result) override;
  void Drop(const std::vector<uint64_t>& ids) override;
  void Stop() override;

 private:
  // Items that are in the process together.
  struct Group {
    std::vector<const v1::EvaluatorItem*> items;  // without a result yet
    int kills = 0;  // by SIGKILLs from elsewhere since the last result
  };

  // Why a conversation ended before its time.
  struct Failure {
    enum class Kind : uint8_t { kCrashed, kDeadline, kKilled, kInterrupted };
    Kind kind;
    std::string message;
  };

  absl::Status StartChild();
  absl::Status ReadHello();
  absl::Status EnsureChild();
  void EndChild();
  absl::Status RunGroup(Group group, std::vector<Group>& groups, const OnResult& on_result);
  bool Begin(Group& group);
  std::optional<Failure> Converse(Group& group, const OnResult& on_result);
  absl::Status TakeResult(v1::EvaluatorResult result, Group& group, const OnResult& on_result);
  bool Settle(uint64_t id);
  void InterruptIfUnwanted();
  Failure Examine(const absl::Status& status, double allowance);
  void Divide(Group group, bool alone, const Failure& failure, std::vector<Group>& groups,
              const OnResult& on_result);

  const ChildBatchRunnerOptions options_;
  std::optional<v1::EvaluatorHello> hello_;  // the first one
  bool fresh_ = false;                       // the process has evaluated nothing yet
  std::stop_source stop_;

  std::mutex mutex_;  // for what follows; child_ is used without it by the running thread
  std::unique_ptr<EvaluatorChild> child_;
  std::set<uint64_t> wanted_;   // of Run's items: no result, not dropped
  std::set<uint64_t> running_;  // in the process, no result
  bool interrupted_ = false;    // the conversation, by us
};

}  // namespace lathe

#endif  // LATHE_WORKERS_CHILD_BATCH_RUNNER_H_
