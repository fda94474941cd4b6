// A server of work for tests: what it grants and answers is up to the test, what it is told is
// recorded. Listens on a unix socket and may go and come back there.
#ifndef LATHE_WORKERS_TESTING_FAKE_WORKER_SERVICE_H_
#define LATHE_WORKERS_TESTING_FAKE_WORKER_SERVICE_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "lathe/v1/worker_service.grpc.pb.h"
#include "rpc/status.h"

namespace lathe {

class FakeWorkerService : public v1::WorkerService::Service {
 public:
  explicit FakeWorkerService(std::string socket) : socket_(std::move(socket)) {
    heartbeat_interval_.set_nanos(10'000'000);
  }
  ~FakeWorkerService() override { Shutdown(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket_, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  void Shutdown() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  // Items to lease; the item's number in its token is its place among all that were added.
  void Add(const v1::EvaluationItem& item) {
    Change([&] { queue_.push_back(item); });
  }
  // The worker is not known any more, as after a restart.
  void Forget() {
    Change([&] { known_.clear(); });
  }
  void SetHeartbeatInterval(int64_t seconds) {
    Change([&] {
      heartbeat_interval_.Clear();
      heartbeat_interval_.set_seconds(seconds);
    });
  }
  void SetDrain() {
    Change([&] { drain_ = true; });
  }
  void SetRefusal(const absl::Status& status) {
    Change([&] { refusal_ = status; });
  }
  void End(const v1::LeaseToken& token) {
    Change([&] { *ended_.Add() = token; });
  }
  void SetOnComplete(std::function<absl::Status(const v1::ItemResult&)> on_complete) {
    Change([&] { on_complete_ = std::move(on_complete); });
  }

  // What it has been told so far.
  struct Seen {
    std::vector<v1::RegisterWorkerRequest> registrations;
    std::vector<v1::RecordHeartbeatRequest> heartbeats;
    std::vector<v1::ItemResult> offered;   // results, each time they came
    std::vector<v1::ItemResult> accepted;  // those answered with OK
    std::vector<v1::LeaseToken> granted;
    std::vector<std::string> unregistered;
    std::vector<std::string> calls;  // names, in order
  };
  Seen Read() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  // Waits until `condition` holds for what it has been told.
  bool WaitUntil(const std::function<bool(const Seen&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return condition(seen_); });
  }

 private:
  template <typename Function>
  void Change(Function function) {
    const std::lock_guard lock(mutex_);
    function();
    changed_.notify_all();
  }

  grpc::Status Unknown() const {
    return ToGrpc(WithReason(absl::NotFoundError("no such worker"), "WORKER_NOT_FOUND"));
  }

  grpc::Status RegisterWorker(grpc::ServerContext*, const v1::RegisterWorkerRequest* request,
                              v1::RegisterWorkerResponse* response) override {
    const std::lock_guard lock(mutex_);
    seen_.calls.push_back("register");
    seen_.registrations.push_back(*request);
    changed_.notify_all();
    if (!refusal_.ok()) return ToGrpc(refusal_);
    *response->mutable_worker() = request->worker();
    // A worker that is known keeps its name; one that has been forgotten gets another.
    if (known_.empty() || known_ != request->worker().name()) {
      known_ = absl::StrFormat("workers/%016x", seen_.registrations.size());
    }
    response->mutable_worker()->set_name(known_);
    *response->mutable_heartbeat_interval() = heartbeat_interval_;
    return grpc::Status::OK;
  }

  grpc::Status LeaseEvaluations(grpc::ServerContext* context,
                                const v1::LeaseEvaluationsRequest* request,
                                v1::LeaseEvaluationsResponse* response) override {
    const auto deadline = std::chrono::steady_clock::now() +
                          std::chrono::seconds(request->wait().seconds()) +
                          std::chrono::nanoseconds(request->wait().nanos());
    std::unique_lock lock(mutex_);
    if (known_ != request->worker()) return Unknown();
    while (queue_.empty() && !context->IsCancelled() && known_ == request->worker() &&
           std::chrono::steady_clock::now() < deadline) {
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
    if (known_ != request->worker()) return Unknown();
    seen_.calls.push_back("lease");
    response->set_drain(drain_);
    for (int i = 0; i < request->max_items() && !queue_.empty(); ++i) {
      v1::Lease& lease = *response->add_leases();
      *lease.mutable_item() = std::move(queue_.front());
      queue_.pop_front();
      lease.mutable_token()->set_epoch(1);
      lease.mutable_token()->set_item(static_cast<int64_t>(seen_.granted.size()));
      lease.mutable_token()->set_grant(1);
      seen_.granted.push_back(lease.token());
    }
    changed_.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status RecordHeartbeat(grpc::ServerContext*, const v1::RecordHeartbeatRequest* request,
                               v1::RecordHeartbeatResponse* response) override {
    const std::lock_guard lock(mutex_);
    if (known_ != request->worker()) return Unknown();
    seen_.calls.push_back("heartbeat");
    seen_.heartbeats.push_back(*request);
    *response->mutable_ended() = ended_;
    response->set_drain(drain_);
    changed_.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status CompleteEvaluations(grpc::ServerContext*,
                                   const v1::CompleteEvaluationsRequest* request,
                                   v1::CompleteEvaluationsResponse* response) override {
    const std::lock_guard lock(mutex_);
    if (known_ != request->worker()) return Unknown();
    seen_.calls.push_back("complete");
    for (const v1::ItemResult& result : request->results()) {
      const absl::Status status = on_complete_ ? on_complete_(result) : absl::OkStatus();
      seen_.offered.push_back(result);
      if (status.ok()) seen_.accepted.push_back(result);
      *response->add_statuses() = ToProto(status);
    }
    changed_.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status UnregisterWorker(grpc::ServerContext*, const v1::UnregisterWorkerRequest* request,
                                v1::UnregisterWorkerResponse*) override {
    const std::lock_guard lock(mutex_);
    seen_.calls.push_back("unregister");
    seen_.unregistered.push_back(request->worker());
    changed_.notify_all();
    return grpc::Status::OK;
  }

  const std::string socket_;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::EvaluationItem> queue_;
  std::string known_;
  google::protobuf::Duration heartbeat_interval_;
  bool drain_ = false;
  absl::Status refusal_;
  google::protobuf::RepeatedPtrField<v1::LeaseToken> ended_;
  std::function<absl::Status(const v1::ItemResult&)> on_complete_;
  Seen seen_;
};

}  // namespace lathe

#endif  // LATHE_WORKERS_TESTING_FAKE_WORKER_SERVICE_H_
