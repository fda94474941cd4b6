// The workers of a run: each is started again when it ends, until the run is over.
#ifndef LATHE_CLIENTS_RUN_WORKER_GROUP_H_
#define LATHE_CLIENTS_RUN_WORKER_GROUP_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "clients/run/logged_child.h"

namespace lathe {

struct WorkerGroupOptions {
  std::string program;                 // path
  std::vector<std::string> arguments;  // the same for all
  std::string log_folder;              // "worker-N.log", N from 0 on
  int workers = 1;
  // A worker that ends waits that long before it is started again, and twice as long each further
  // time. The waits start anew once the run has completed something.
  std::chrono::milliseconds first_wait{100}, longest_wait{3000};
  // How often a worker may end in a row while the run completes nothing.
  int most_ends = 5;
};

// Nothing waits. Update is called from the main thread.
class WorkerGroup {
 public:
  using Clock = std::chrono::steady_clock;
  using Say = std::function<void(const std::string&)>;

  // `say` is told of workers that have ended.
  WorkerGroup(WorkerGroupOptions options, Say say);

  // Starts what is due. `completed` counts what the run has completed so far. Unavailable, with the
  // end of a log, once a worker has ended too often.
  absl::Status Update(uint64_t completed);
  // When a worker is to be started; nothing while all run.
  std::optional<Clock::time_point> WakeAt() const;

  // None is started from now on.
  void Signal(int signal);
  void Kill();
  bool Running();

 private:
  struct Worker {
    std::optional<ChildProcess> child;
    Clock::time_point start_at;
    int ends = 0;                 // in a row
    uint64_t completed_then = 0;  // by the run when the worker last ended
  };

  LoggedCommand Command(size_t number) const;
  absl::Status NoteEnd(size_t number, uint64_t completed);
  absl::Status StartWorker(size_t number);

  const WorkerGroupOptions options_;
  const Say say_;
  std::vector<Worker> workers_;
  bool stopping_ = false;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_WORKER_GROUP_H_
