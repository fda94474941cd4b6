#include "tests/bench/load_server.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "absl/strings/str_cat.h"
#include "evaluators/task/task.h"
#include "rpc/channel.h"
#include "search/drive.h"
#include "server/evaluation_desk.h"
#include "server/evaluation_records.h"
#include "server/job_inbox.h"
#include "server/malformed_requests.h"
#include "server/search_log.h"
#include "server/store/rocksdb_store.h"
#include "server/worker_service.h"
#include "tests/bench/ready_search.h"

namespace lathe::bench {
namespace {

constexpr JobId kJob = 1;
constexpr size_t kMostUnwritten = 256;  // as in job_run.cc
// Enough for every worker to find a full batch.
constexpr int kWindow = 2048;

// Keeps a copy of everything that is put, so that the same batches can be written again. In one
// string, since the server has the same core to itself.
class TapedStore : public Store {
 public:
  explicit TapedStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  absl::Status Write(const WriteBatch& batch) override {
    {
      const std::lock_guard lock(mutex_);
      for (const WriteBatch::Change& change : batch.Changes()) {
        puts_.push_back({change.kind, change.key.size(), change.value->size()});
        bytes_.append(change.key).append(*change.value);
      }
      batch_sizes_.push_back(batch.Changes().size());
    }
    return store_->Write(batch);
  }
  absl::StatusOr<std::optional<std::string>> Get(Kind kind, std::string_view key) const override {
    return store_->Get(kind, key);
  }
  absl::StatusOr<std::vector<Entry>> Scan(Kind kind, std::string_view begin, std::string_view end,
                                          size_t limit) const override {
    return store_->Scan(kind, begin, end, limit);
  }
  // What has been written, once nobody writes any more.
  std::vector<WriteBatch> Tape() const {
    std::vector<WriteBatch> tape;
    size_t put = 0, at = 0;
    for (size_t size : batch_sizes_) {
      WriteBatch& batch = tape.emplace_back();
      for (const size_t end = put + size; put < end; ++put) {
        const auto& [kind, key, value] = puts_[put];
        batch.Put(kind, bytes_.substr(at, key), bytes_.substr(at + key, value));
        at += key + value;
      }
    }
    return tape;
  }

 private:
  struct Put {
    Kind kind;
    size_t key, value;  // bytes
  };
  const std::unique_ptr<Store> store_;
  std::mutex mutex_;
  std::string bytes_;
  std::vector<Put> puts_;
  std::vector<size_t> batch_sizes_;
};

struct Times {
  double seconds, cpu_seconds;
};

// From its making on; the time of the processor is that of all threads of this process.
class TimesSoFar {
 public:
  Times Get() const { return {watch_.Seconds(), ProcessCpuSeconds() - cpu_}; }

 private:
  Stopwatch watch_;
  const double cpu_ = ProcessCpuSeconds();
};

// What Drive works with: JobRun::Submit and JobRun::Take, for one search.
class DeskPool {
 public:
  using Finished = JobInbox::Finished;
  DeskPool(EvaluationDesk& desk, Store& store, Metrics& metrics, SearchLog& log)
      : desk_(desk), store_(store), metrics_(metrics), log_(log), task_(*ResolveTask({})) {}

  void Submit(uint64_t id, EvaluationRequest request) {
    DeskRequest asked;
    asked.client = inbox_;
    asked.id = id;
    asked.program = std::move(request.program);
    asked.task = task_;
    asked.seeds = std::move(request.seeds);
    asked.stop_at_divergence = request.stop_at_divergence;
    asked.numeric_class = std::string(kBenchClass);
    desk_.Submit(std::move(asked));
  }
  Finished Take() {
    while (true) {
      if (log_.Unwritten() >= kMostUnwritten) {
        if (absl::Status status = Flush(); !status.ok()) return {0, status};
      }
      if (auto finished = inbox_->Poll()) return *std::move(finished);
      if (absl::Status status = Flush(); !status.ok()) return {0, status};
      inbox_->Wait(absl::Seconds(1));
    }
  }
  absl::Status Flush() {
    if (log_.Unwritten() == 0) return absl::OkStatus();
    return WriteMeasured(store_, metrics_, log_.TakeUnwritten());
  }

 private:
  EvaluationDesk& desk_;
  Store& store_;
  Metrics& metrics_;
  SearchLog& log_;
  const v1::Task task_;
  const std::shared_ptr<JobInbox> inbox_ = std::make_shared<JobInbox>(v1::EvaluationCounts());
};

std::unique_ptr<Trajectory> MakeTrajectory(uint64_t evaluations, LogWriter& log) {
  TrajectoryOptions options;
  options.window = kWindow;
  options.evaluation_seeds = {0};
  options.log = &log;
  FilterOptions filters;
  filters.shapes = ParameterShapes(*ResolveTask({}));
  return std::make_unique<Trajectory>(options, std::make_unique<ReadyStrategy>(evaluations),
                                      Filters(filters));
}

class LoadServer {
 public:
  LoadServer(const LoadServerOptions& options, std::unique_ptr<Store> store)
      : options_(options), store_(std::move(store)) {}
  ~LoadServer() {
    desk_.Stop();
    clock_ = {};  // stops and joins
    if (grpc_ != nullptr) grpc_->Shutdown(std::chrono::system_clock::now());
  }

  absl::StatusOr<Times> Run() {
    SearchLog log(store_, &metrics_, kJob, 0);
    if (options_.trajectory) {
      auto trajectory = MakeTrajectory(options_.evaluations, log);
      return Run(*trajectory, log);
    }
    ReadySearch ready(options_.evaluations, kWindow, log);
    return Run(ready, log);
  }
  std::vector<WriteBatch> Tape() const { return store_.Tape(); }

 private:
  template <typename Search>
  absl::StatusOr<Times> Run(Search& search, SearchLog& log) {
    if (absl::Status status = Listen(); !status.ok()) return status;
    const auto inbox = std::make_shared<JobInbox>(v1::EvaluationCounts());
    desk_.Subscribe(inbox);
    while (desk_.Workers().size() < static_cast<size_t>(options_.workers)) {
      inbox->Wait(absl::Seconds(1));  // until workers come or go
    }
    DeskPool pool(desk_, store_, metrics_, log);
    const TimesSoFar so_far;
    const auto result = Drive(search, pool, [] {});
    if (!result.ok()) return result.status();
    if (absl::Status status = pool.Flush(); !status.ok()) return status;
    return so_far.Get();
  }

  absl::Status Listen() {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(kMaxMessageBytes);
    builder.AddListeningPort(SocketOf(options_).Target(), grpc::InsecureServerCredentials());
    builder.experimental().SetInterceptorCreators(MalformedRequestInterceptors());
    builder.RegisterService(&service_);
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr) return absl::UnavailableError("the server cannot listen");
    clock_ = std::jthread([this](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      while (!stop.stop_requested()) {
        desk_.Tick();
        never.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
      }
    });
    return absl::OkStatus();
  }

  const LoadServerOptions options_;
  TapedStore store_;
  Metrics metrics_;
  EvaluationDesk desk_{store_, metrics_, {}};
  WorkerServiceImpl service_{desk_};
  std::unique_ptr<grpc::Server> grpc_;
  std::jthread clock_;
};

absl::StatusOr<Times> TimesToWrite(const std::vector<WriteBatch>& tape,
                                   const std::string& directory, Durability durability) {
  const auto store = OpenRocksDbStore(directory, {.durability = durability});
  if (!store.ok()) return store.status();
  const TimesSoFar so_far;
  for (const WriteBatch& batch : tape) {
    if (absl::Status status = (*store)->Write(batch); !status.ok()) return status;
  }
  return so_far.Get();
}

absl::StatusOr<nlohmann::json> Serve(const LoadServerOptions& options) {
  const Durability durability = options.sync ? Durability::kMachine : Durability::kProcess;
  auto store = OpenRocksDbStore(options.directory + "/store", {.durability = durability});
  if (!store.ok()) return store.status();
  std::vector<WriteBatch> tape;
  absl::StatusOr<Times> served;
  {
    LoadServer server(options, *std::move(store));
    served = server.Run();
    tape = server.Tape();
  }
  if (!served.ok()) return served.status();
  const auto stored = TimesToWrite(tape, options.directory + "/direct", durability);
  if (!stored.ok()) return stored.status();
  return nlohmann::json{{"seconds", served->seconds},
                        {"cpu_seconds", served->cpu_seconds},
                        {"store_seconds", stored->seconds},
                        {"store_cpu_seconds", stored->cpu_seconds}};
}

}  // namespace

Address SocketOf(const LoadServerOptions& options) {
  return {Address::Kind::kUnix, options.directory + "/socket", "", 0};
}

absl::StatusOr<OwnProcess> StartLoadServer(const LoadServerOptions& options) {
  return OwnProcess::Start({kServeArgument, options.directory, absl::StrCat(options.evaluations),
                            absl::StrCat(options.workers), options.sync ? "sync" : "no_sync",
                            options.trajectory ? "trajectory" : "ready"});
}

int ServeMain(const std::vector<std::string>& arguments) {
  if (arguments.size() != 5) return Tell(absl::InvalidArgumentError("--serve is for the bench"));
  LoadServerOptions options;
  options.directory = arguments[0];
  options.evaluations = std::stoull(arguments[1]);
  options.workers = std::stoi(arguments[2]);
  options.sync = arguments[3] == "sync";
  options.trajectory = arguments[4] == "trajectory";
  return Tell(Serve(options));
}

}  // namespace lathe::bench
