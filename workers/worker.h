// A worker: leases items, has them evaluated, reports what came of them, until it is drained.
//
//   Worker worker(*stub, runner, {.display_name = "host:1234", .batch = 16});
//   absl::Status status = worker.Run();  // another thread calls worker.Drain()
#ifndef LATHE_WORKERS_WORKER_H_
#define LATHE_WORKERS_WORKER_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "lathe/v1/worker_service.grpc.pb.h"
#include "workers/batch_runner.h"
#include "workers/held_work.h"
#include "workers/journal.h"
#include "workers/server_session.h"

namespace lathe {

struct WorkerOptions {
  std::string display_name;
  int batch = 16;
  std::chrono::milliseconds lease_wait{10'000};
  // Between attempts at a call that failed.
  std::chrono::milliseconds first_wait{100}, most_wait{5'000};
  // For how long a server that has answered is taken to be still the one that granted what is
  // queued. Less than a server takes to come back, restore its jobs and have something evaluated.
  std::chrono::milliseconds trust{50};
  // How long a worker that has nothing left to evaluate keeps trying to report its results.
  std::chrono::milliseconds give_up_after{30'000};
  // Hears of all that is started and acknowledged, if there is one; outlives the worker.
  Journal* journal = nullptr;
};

class Worker {
 public:
  // `stub` and `runner` outlive the worker.
  Worker(v1::WorkerService::StubInterface& stub, BatchRunner& runner, WorkerOptions options);

  // Once. Returns when the worker has been drained, by Drain or by the server, everything that it
  // has evaluated is acknowledged, and it has unregistered. Waits for a server that is not there.
  // An error if nothing can be evaluated, the server refuses the worker, results could not be
  // reported, or Stop was called. Calls `runner` from this thread.
  absl::Status Run();

  // Thread-safe, also before Run. Takes no more items; what has not been started goes back.
  void Drain();
  // Thread-safe, also before Run. Ends Run at once; what is held goes back.
  void Stop();

 private:
  absl::StatusOr<v1::Worker> Describe();
  absl::Status Serve();
  void LeaseItems();
  void SendHeartbeats();
  void Evaluate();
  // What cannot be used any more is not declared any more.
  void WithdrawMissingData(const std::vector<v1::EvaluatorItem>& batch, uint64_t id,
                           const v1::ItemResult& result);
  void Report();
  // How many of them need not be sent again.
  enum class Delivery : uint8_t { kNone, kSome, kAll };
  Delivery Deliver(const std::vector<HeldWork::Finished>& finished);
  void WaitForReports();
  void Fail(const absl::Status& status);
  absl::Status Outcome();

  BatchRunner& runner_;
  const WorkerOptions options_;
  HeldWork held_;
  ServerSession session_;
  std::stop_source leasing_, heartbeats_, reporting_, everything_;

  std::mutex mutex_;  // for what follows
  std::condition_variable changed_;
  absl::Status failure_;
  bool reported_ = false;  // all there will ever be
  std::chrono::steady_clock::time_point last_acknowledged_;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_WORKER_H_
