// A worker's calls to its server. The session keeps the worker known there: where the server says
// that it does not know the worker, the session registers again, gives up what is held and has not
// been started, renews the leases of the rest, and leaves it to the caller to repeat the call.
//
//   ServerSession session(*stub, held, {...});
//   absl::Status status = session.Join(worker, stop);
//   auto leases = session.Lease(16, stop);
#ifndef LATHE_WORKERS_SERVER_SESSION_H_
#define LATHE_WORKERS_SERVER_SESSION_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lathe/v1/worker_service.grpc.pb.h"
#include "workers/held_work.h"

namespace lathe {

struct ServerSessionOptions {
  // Between attempts to register.
  std::chrono::milliseconds first_wait{100}, most_wait{5'000};
  // How long the server may wait for items.
  std::chrono::milliseconds lease_wait{10'000};
  // For how long an answer confirms what is queued, see Confirm.
  std::chrono::milliseconds trust{50};
  // Called with every answer to a heartbeat, on the thread that sent it.
  std::function<void(const v1::RecordHeartbeatResponse&)> on_heartbeat = [](const auto&) {};
  // Called when the server will not have the worker, for a reason that will not go away.
  std::function<void(const absl::Status&)> on_refused = [](const auto&) {};
};

// Thread-safe once Join has returned. Every call has a deadline and ends at once, as cancelled,
// when a stop is requested.
class ServerSession {
 public:
  ServerSession(v1::WorkerService::StubInterface& stub, HeldWork& held,
                ServerSessionOptions options);

  // Registers, however long it takes until the server is there. An error if it refuses the worker.
  absl::Status Join(v1::Worker worker, const std::stop_token& stop);

  // What is granted goes to `held`.
  struct Leased {
    int items = 0;
    bool drain = false;  // the server wants the worker to end
  };
  absl::StatusOr<Leased> Lease(int max_items, const std::stop_token& stop);
  // Of all leases in `held`.
  absl::Status Heartbeat(const std::stop_token& stop);
  // Waits until the server is known to have been there a moment ago, and to have granted what is
  // queued: a server that came after it may have had it evaluated by others meanwhile. False if a
  // stop was requested first.
  bool Confirm(const std::stop_token& stop);
  absl::StatusOr<v1::CompleteEvaluationsResponse> Complete(
      const std::vector<HeldWork::Finished>& finished, const std::stop_token& stop);
  absl::Status Leave(std::chrono::milliseconds timeout);

  // Whenever the worker registers again, it does so without the dataset of `task`; `reason` says
  // why it cannot be used. Whether it was declared until now. The server knows from the fault.
  bool Withdraw(const v1::Task& task, const std::string& reason);

  std::chrono::milliseconds HeartbeatInterval() const;

 private:
  struct Identity {
    std::string name;
    int generation = 0;  // counts registrations
  };

  Identity Who() const;
  absl::StatusOr<Identity> Register(const std::stop_token& stop);
  absl::Status RegisterAgain(int lost_generation, const std::stop_token& stop);
  absl::Status SendHeartbeat(const Identity& identity, const std::stop_token& stop);
  void NoteReachable(const absl::Status& status);
  void NoteHeard(const Identity& identity, std::chrono::steady_clock::time_point asked);
  bool HeardLately() const;
  // Waits until no registration is under way; `lock` is of mutex_. False if a stop was requested
  // first.
  bool WaitForRegistration(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  absl::StatusOr<Identity> RegisterPatiently(const std::stop_token& stop);

  template <typename Method, typename Request>
  auto Call(Method method, Request request, std::chrono::milliseconds timeout,
            const std::stop_token& stop);

  v1::WorkerService::StubInterface& stub_;
  HeldWork& held_;
  const ServerSessionOptions options_;
  std::atomic<bool> reachable_{true};

  mutable std::mutex mutex_;  // for what follows
  v1::Worker worker_;
  Identity identity_;
  // When the call was made that the server last answered under the identity; no answer counts while
  // the worker registers again.
  std::chrono::steady_clock::time_point heard_;
  bool registers_ = false;
  std::condition_variable_any registered_;  // a registration is over
  std::chrono::milliseconds heartbeat_interval_{10'000};
};

}  // namespace lathe

#endif  // LATHE_WORKERS_SERVER_SESSION_H_
