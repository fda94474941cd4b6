#include "workers/server_session.h"

#include <grpcpp/client_context.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "evaluators/task/declared_data.h"
#include "rpc/status.h"
#include "workers/backoff.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Stub = v1::WorkerService::StubInterface;

constexpr char kWorkerNotFound[] = "WORKER_NOT_FOUND";
constexpr milliseconds kCallTimeout(10'000), kCompleteTimeout(30'000);
constexpr milliseconds kLeastInterval(10), kMostInterval(60'000);

// Whether a call waits for a server that is not there. Somebody has to: a channel connects while a
// call waits on it, and not between calls that fail at once.
enum class Waiting : uint8_t { kNo, kForServer };

template <typename Request, typename Response>
absl::StatusOr<Response> CallServer(Stub& stub,
                                    grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                 const Request&, Response*),
                                    const Request& request, milliseconds timeout,
                                    const std::stop_token& stop, Waiting waiting = Waiting::kNo) {
  grpc::ClientContext context;
  context.set_wait_for_ready(waiting == Waiting::kForServer);
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

// What waiting does not put right.
bool IsFinal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ||
         absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

google::protobuf::Duration ToProto(milliseconds time) {
  google::protobuf::Duration duration;
  duration.set_seconds(time.count() / 1000);
  duration.set_nanos(static_cast<int>(time.count() % 1000) * 1'000'000);
  return duration;
}

milliseconds FromProto(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + milliseconds(duration.nanos() / 1'000'000);
}

}  // namespace

ServerSession::ServerSession(Stub& stub, HeldWork& held, ServerSessionOptions options)
    : stub_(stub), held_(held), options_(std::move(options)) {}

ServerSession::Identity ServerSession::Who() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

milliseconds ServerSession::HeartbeatInterval() const {
  const std::lock_guard lock(mutex_);
  return heartbeat_interval_;
}

absl::Status ServerSession::Join(v1::Worker worker, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    worker_ = std::move(worker);
  }
  return RegisterAgain(0, stop);
}

// One attempt; whoever calls next still does so as before.
absl::StatusOr<ServerSession::Identity> ServerSession::Register(const std::stop_token& stop) {
  v1::RegisterWorkerRequest request;
  {
    const std::lock_guard lock(mutex_);
    *request.mutable_worker() = worker_;
  }
  // The first attempt that finds nobody says so at once.
  const Waiting waiting = reachable_ ? Waiting::kNo : Waiting::kForServer;
  auto response = CallServer(stub_, &Stub::RegisterWorker, request, kCallTimeout, stop, waiting);
  NoteReachable(response.status());
  if (!response.ok()) return response.status();
  const std::lock_guard lock(mutex_);
  worker_.set_name(response->worker().name());
  if (response->has_heartbeat_interval()) {
    heartbeat_interval_ =
        std::clamp(FromProto(response->heartbeat_interval()), kLeastInterval, kMostInterval);
  }
  spdlog::info("registered as {}", worker_.name());
  return Identity{worker_.name(), identity_.generation + 1};
}

// However long it takes. An error if the server refuses the worker, or a stop is requested.
absl::StatusOr<ServerSession::Identity> ServerSession::RegisterPatiently(
    const std::stop_token& stop) {
  Backoff backoff(options_.first_wait, options_.most_wait);
  absl::StatusOr<Identity> identity = Register(stop);
  while (!identity.ok() && !IsFinal(identity.status())) {
    if (!backoff.Wait(stop)) return absl::CancelledError("stopped");
    identity = Register(stop);
  }
  return identity;
}

// Several threads learn at once that the worker is not known; one of them registers it.
absl::Status ServerSession::RegisterAgain(int lost_generation, const std::stop_token& stop) {
  {
    std::unique_lock lock(mutex_);
    if (!WaitForRegistration(lock, stop)) return absl::CancelledError("stopped");
    if (identity_.generation != lost_generation) return absl::OkStatus();
    registers_ = true;
    // Perhaps others have done since what is not begun; the server grants again what it still
    // wants.
    heard_ = {};
    held_.ForgetQueued();
  }
  const absl::StatusOr<Identity> identity = RegisterPatiently(stop);
  // Before anything is leased under the new name: what is held must not be granted a second time.
  if (identity.ok()) SendHeartbeat(*identity, stop).IgnoreError();
  {
    const std::lock_guard lock(mutex_);
    if (identity.ok()) identity_ = *identity;
    registers_ = false;
  }
  registered_.notify_all();
  if (IsFinal(identity.status())) options_.on_refused(identity.status());
  return identity.status();
}

bool ServerSession::WaitForRegistration(std::unique_lock<std::mutex>& lock,
                                        const std::stop_token& stop) {
  return registered_.wait(lock, stop, [this] { return !registers_; });
}

// Logs when the server goes and when it comes back, not every attempt in between.
void ServerSession::NoteReachable(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    if (reachable_.exchange(false)) {
      spdlog::warn("the server does not answer, trying on: {}", std::string(status.message()));
    }
  } else if (status.ok() && !reachable_.exchange(true)) {
    spdlog::info("the server answers again");
  }
}

void ServerSession::NoteHeard(const Identity& identity, steady_clock::time_point asked) {
  const std::lock_guard lock(mutex_);
  if (registers_ || identity.generation != identity_.generation) return;
  heard_ = std::max(heard_, asked);
}

bool ServerSession::HeardLately() const {
  const std::lock_guard lock(mutex_);
  return steady_clock::now() < heard_ + options_.trust;
}

template <typename Method, typename Request>
auto ServerSession::Call(Method method, Request request, milliseconds timeout,
                         const std::stop_token& stop) {
  const Identity identity = Who();
  request.set_worker(identity.name);
  const Waiting waiting = reachable_ ? Waiting::kNo : Waiting::kForServer;
  const auto asked = steady_clock::now();
  auto response = CallServer(stub_, method, request, timeout, stop, waiting);
  NoteReachable(response.status());
  if (response.ok()) NoteHeard(identity, asked);
  if (ReasonOf(response.status()) == kWorkerNotFound) {
    RegisterAgain(identity.generation, stop).IgnoreError();
  }
  return response;
}

absl::StatusOr<ServerSession::Leased> ServerSession::Lease(int max_items,
                                                           const std::stop_token& stop) {
  {
    // After a registration that is under way, with all that belongs to it.
    std::unique_lock lock(mutex_);
    if (!WaitForRegistration(lock, stop)) return absl::CancelledError("stopped");
  }
  const uint64_t generation = held_.Generation();
  v1::LeaseEvaluationsRequest request;
  request.set_max_items(max_items);
  *request.mutable_wait() = ToProto(options_.lease_wait);
  const auto response =
      Call(&Stub::LeaseEvaluations, request, options_.lease_wait + kCallTimeout, stop);
  if (!response.ok()) return response.status();
  held_.Add(*response, generation);
  return Leased{response->leases_size(), response->drain()};
}

absl::Status ServerSession::SendHeartbeat(const Identity& identity, const std::stop_token& stop) {
  v1::RecordHeartbeatRequest request;
  request.set_worker(identity.name);
  for (v1::LeaseToken& token : held_.Tokens()) *request.add_tokens() = std::move(token);
  auto response = CallServer(stub_, &Stub::RecordHeartbeat, request, kCallTimeout, stop);
  NoteReachable(response.status());
  if (response.ok()) options_.on_heartbeat(*response);
  return response.status();
}

absl::Status ServerSession::Heartbeat(const std::stop_token& stop) {
  const Identity identity = Who();
  const auto asked = steady_clock::now();
  absl::Status status = SendHeartbeat(identity, stop);
  if (status.ok()) NoteHeard(identity, asked);
  if (ReasonOf(status) == kWorkerNotFound) return RegisterAgain(identity.generation, stop);
  return status;
}

bool ServerSession::Confirm(const std::stop_token& stop) {
  Backoff backoff(options_.first_wait, options_.most_wait);
  if (HeardLately()) return true;
  while (!Heartbeat(stop).ok()) {
    if (!backoff.Wait(stop)) return false;
  }
  return true;
}

absl::StatusOr<v1::CompleteEvaluationsResponse> ServerSession::Complete(
    const std::vector<HeldWork::Finished>& finished, const std::stop_token& stop) {
  v1::CompleteEvaluationsRequest request;
  for (const HeldWork::Finished& one : finished) *request.add_results() = one.result;
  return Call(&Stub::CompleteEvaluations, std::move(request), kCompleteTimeout, stop);
}

bool ServerSession::Withdraw(const v1::Task& task, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  return WithdrawData(worker_, task, reason);
}

absl::Status ServerSession::Leave(milliseconds timeout) {
  v1::UnregisterWorkerRequest request;
  request.set_worker(Who().name);
  return CallServer(stub_, &Stub::UnregisterWorker, request, timeout, {}).status();
}

}  // namespace lathe
