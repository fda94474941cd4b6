#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rpc/channel.h"
#include "server/crash_point.h"
#include "server/evaluation_records.h"
#include "server/listen.h"
#include "server/malformed_requests.h"
#include "server/search_service.h"
#include "server/store/rocksdb_store.h"
#include "server/worker_service.h"

namespace lathe {
namespace {

constexpr std::chrono::milliseconds kTick(100);
// How long calls that are under way may go on once the server stops.
constexpr std::chrono::seconds kGrace(2);
// How long jobs may take to come back before results for an earlier server are refused.
constexpr absl::Duration kSettleTime = absl::Seconds(30);

// Counts the lives of servers on a store, so that leases of an earlier one are told apart.
absl::StatusOr<int64_t> NextEpoch(Store& store, Metrics& metrics) {
  const auto bytes = store.Get(Kind::kMeta, kEpochKey);
  if (!bytes.ok()) return bytes.status();
  int64_t epoch = 0;
  if (*bytes && !absl::SimpleAtoi(**bytes, &epoch)) return DamagedRecord(Kind::kMeta, kEpochKey);
  ++epoch;
  WriteBatch batch;
  batch.Put(Kind::kMeta, std::string(kEpochKey), std::to_string(epoch));
  absl::Status status = WriteMeasured(store, metrics, batch);
  if (!status.ok()) return status;
  return epoch;
}

class RunningServer : public Server {
 public:
  explicit RunningServer(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  ~RunningServer() override { Stop(); }

  absl::Status Open(const ServerOptions& options) {
    const auto epoch = NextEpoch(*store_, metrics_);
    if (!epoch.ok()) return epoch.status();
    CrashPoint("start.after_epoch");
    DeskOptions desk;
    desk.lease_time = options.lease_time;
    desk.epoch = *epoch;
    desk.settle_time = kSettleTime;
    desk_.emplace(*store_, metrics_, std::move(desk));
    board_.emplace(*store_, *desk_, metrics_);
    search_.emplace(*store_, *board_, *desk_, metrics_);
    workers_.emplace(*desk_);
    if (absl::Status status = ServeMetrics(options.metrics); !status.ok()) return status;
    if (absl::Status status = Listen(options.listen); !status.ok()) return status;
    if (absl::Status status = board_->Restore(options.unfinished); !status.ok()) return status;
    clock_ = std::thread([this] { KeepTime(); });
    return absl::OkStatus();
  }

  const Address& ListeningOn() const override { return listening_on_; }
  const std::optional<Address>& MetricsOn() const override { return metrics_on_; }
  std::string MetricsText() const override { return metrics_.Text(); }

  void Stop() override {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      stopping_ = true;
    }
    stop_.notify_all();
    if (grpc_ != nullptr) {
      grpc_->GetHealthCheckService()->Shutdown();  // NOT_SERVING from now on
      search_->Stop();
      desk_->Stop();
      grpc_->Shutdown(std::chrono::system_clock::now() + kGrace);
      grpc_->Wait();
    }
    if (board_) board_->Stop();
    if (clock_.joinable()) clock_.join();
  }

 private:
  absl::Status ServeMetrics(const std::optional<Address>& address) {
    if (!address) return absl::OkStatus();
    const auto port = metrics_.Expose(*address);
    if (!port.ok()) return port.status();
    metrics_on_ = *address;
    metrics_on_->port = *port;
    return absl::OkStatus();
  }

  absl::Status Listen(const Address& address) {
    auto reserved = PrepareToListen(address);
    if (!reserved.ok()) return reserved.status();
    reserved_.emplace(*std::move(reserved));
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(kMaxMessageBytes);
    // Two servers on one port would share its calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    int port = 0;
    builder.AddListeningPort(address.Target(), grpc::InsecureServerCredentials(), &port);
    builder.experimental().SetInterceptorCreators(MalformedRequestInterceptors());
    builder.RegisterService(&*search_);
    builder.RegisterService(&*workers_);
    // The socket is for this user only.
    const mode_t mask = umask(0077);
    grpc_ = builder.BuildAndStart();
    umask(mask);
    if (grpc_ == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", address.Target()));
    }
    for (const char* service :
         {v1::SearchService::service_full_name(), v1::WorkerService::service_full_name()}) {
      grpc_->GetHealthCheckService()->SetServingStatus(service, true);
    }
    listening_on_ = address;
    if (address.kind == Address::Kind::kTcp) listening_on_.port = port;
    return absl::OkStatus();
  }

  void KeepTime() {
    std::unique_lock lock(mutex_);
    while (!stop_.wait_for(lock, kTick, [this] { return stopping_; })) {
      lock.unlock();
      desk_->Tick();
      board_->Reap();
      lock.lock();
    }
  }

  const std::unique_ptr<Store> store_;
  Metrics metrics_;
  std::optional<EvaluationDesk> desk_;
  std::optional<JobBoard> board_;
  std::optional<SearchServiceImpl> search_;
  std::optional<WorkerServiceImpl> workers_;
  std::optional<ListenLock> reserved_;
  std::unique_ptr<grpc::Server> grpc_;
  Address listening_on_;
  std::optional<Address> metrics_on_;

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  auto store = OpenRocksDbStore(options.store, {.durability = options.durability});
  if (!store.ok()) return store.status();
  return Start(options, *std::move(store));
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      std::unique_ptr<Store> store) {
  auto server = std::make_unique<RunningServer>(std::move(store));
  if (absl::Status status = server->Open(options); !status.ok()) return status;
  return server;
}

}  // namespace lathe
