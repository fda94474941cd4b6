// The server under load, as the sanitizers see it: a real socket, a real RocksDB, four workers with
// many leases, clients that submit, watch, list and cancel all at once.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "evaluators/testing/synthetic_evaluator.h"
#include "lathe/v1/search_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "server/server.h"
#include "workers/evaluate_item.h"
#include "workers/item_result.h"
#include "workers/worker.h"

namespace lathe {
namespace {

constexpr int kWorkers = 4;

// Evaluates in this process, after delays drawn at random.
class InProcessRunner : public BatchRunner {
 public:
  explicit InProcessRunner(uint64_t seed) : evaluator_(std::chrono::microseconds(300), seed) {}

  absl::StatusOr<v1::EvaluatorHello> Hello() override {
    v1::EvaluatorHello hello;
    hello.set_numeric_class(evaluator_.NumericClass());
    hello.set_device("cpu");
    v1::WorkerDataset& dataset = *hello.add_datasets();
    dataset.set_name("digits");
    dataset.set_content_hash(ShippedDatasets().at("digits").content_hash());
    return hello;
  }

  absl::Status Run(const std::vector<v1::EvaluatorItem>& items,
                   const OnResult& on_result) override {
    for (const v1::EvaluatorItem& item : items) {
      if (stopped_) return absl::CancelledError("stopped");
      auto result =
          ToItemResult(item.item(), EvaluateItems(evaluator_, std::span(&item, 1)).front());
      if (!result.ok()) return result.status();
      on_result(item.id(), *std::move(result));
    }
    return absl::OkStatus();
  }

  void Drop(const std::vector<uint64_t>&) override {}
  void Stop() override { stopped_ = true; }

 private:
  SyntheticEvaluator evaluator_;
  std::atomic<bool> stopped_{false};
};

// One worker on a thread; drained at the end.
class WorkerThread {
 public:
  WorkerThread(const Address& server, uint64_t seed)
      : runner_(seed),
        stub_(v1::WorkerService::NewStub(OpenChannel(server))),
        worker_(*stub_, runner_, {.display_name = "load", .batch = 4 + static_cast<int>(seed)}),
        thread_([this] { EXPECT_TRUE(worker_.Run().ok()); }) {}
  ~WorkerThread() {
    worker_.Drain();
    thread_.join();
  }

 private:
  InProcessRunner runner_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  Worker worker_;
  std::thread thread_;
};

class ServerLoadTest : public testing::Test {
 protected:
  // The log is set up before there are threads, and kept quiet.
  static void SetUpTestSuite() { spdlog::set_level(spdlog::level::off); }

  ServerLoadTest() {
    std::string pattern = testing::TempDir() + "/load-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ServerLoadTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Server> StartServer() {
    ServerOptions options;
    options.store = folder_ / "store";
    options.listen = *ParseAddress("unix:" + (folder_ / "socket").string());
    options.metrics = *ParseAddress("127.0.0.1:0");
    auto server = Server::Start(options);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  std::filesystem::path folder_;
};

// What a user does with one job.
class Client {
 public:
  explicit Client(const Address& server) : stub_(v1::SearchService::NewStub(OpenChannel(server))) {}

  std::string Create(uint64_t seed, uint64_t evaluations) {
    v1::CreateJobRequest request;
    request.mutable_spec()->set_name("load");
    request.mutable_spec()->set_seed(seed);
    request.mutable_spec()->mutable_budget()->set_evaluations(evaluations);
    request.mutable_spec()->mutable_strategy()->set_population(30);
    v1::Job job;
    grpc::ClientContext context;
    const grpc::Status status = stub_->CreateJob(&context, request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job.name();
  }

  v1::Job WatchToEnd(const std::string& name) {
    v1::WatchJobRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    auto stream = stub_->WatchJob(&context, request);
    v1::WatchJobResponse update;
    int64_t revision = -1;
    while (stream->Read(&update)) {
      EXPECT_GT(update.job().revision(), revision);
      revision = update.job().revision();
    }
    EXPECT_TRUE(stream->Finish().ok());
    return update.job();
  }

  v1::JobReport Report(const std::string& name) {
    v1::GetJobReportRequest request;
    request.set_name(name);
    v1::JobReport report;
    grpc::ClientContext context;
    EXPECT_TRUE(stub_->GetJobReport(&context, request, &report).ok());
    return report;
  }

  void Cancel(const std::string& name) {
    v1::CancelJobRequest request;
    request.set_name(name);
    v1::Job job;
    grpc::ClientContext context;
    stub_->CancelJob(&context, request, &job);
  }

  void LookAround(const std::string& job) {
    v1::ListJobsRequest jobs;
    v1::ListJobsResponse found_jobs;
    grpc::ClientContext jobs_context;
    EXPECT_TRUE(stub_->ListJobs(&jobs_context, jobs, &found_jobs).ok());
    v1::ListWorkersResponse workers;
    grpc::ClientContext workers_context;
    EXPECT_TRUE(stub_->ListWorkers(&workers_context, {}, &workers).ok());
    v1::ListCandidatesRequest candidates;
    candidates.set_parent(job);
    v1::ListCandidatesResponse found_candidates;
    grpc::ClientContext candidates_context;
    EXPECT_TRUE(stub_->ListCandidates(&candidates_context, candidates, &found_candidates).ok());
  }

 private:
  std::unique_ptr<v1::SearchService::Stub> stub_;
};

TEST_F(ServerLoadTest, ManyJobsWorkersAndClientsAtOnce) {
  auto server = StartServer();
  const Address address = server->ListeningOn();
  {
    std::vector<std::unique_ptr<WorkerThread>> workers;
    for (uint64_t seed = 0; seed < kWorkers; ++seed) {
      workers.push_back(std::make_unique<WorkerThread>(address, seed));
    }
    std::mutex mutex;
    std::map<uint64_t, std::set<std::string>> hashes;  // by seed
    std::vector<std::thread> clients;
    for (int i = 0; i < 6; ++i) {
      clients.emplace_back([&, i] {
        Client client(address);
        const uint64_t seed = static_cast<uint64_t>(i % 3);  // two jobs of each: they share work
        const std::string job = client.Create(seed, 150);
        client.LookAround(job);
        EXPECT_EQ(client.WatchToEnd(job).state(), v1::Job::SUCCEEDED);
        const std::string hash = client.Report(job).trajectory_hash();
        const std::lock_guard lock(mutex);
        hashes[seed].insert(hash);
      });
    }
    clients.emplace_back([&] {
      Client client(address);
      const std::string job = client.Create(99, 1'000'000);
      client.LookAround(job);
      client.Cancel(job);
      EXPECT_EQ(client.WatchToEnd(job).state(), v1::Job::CANCELLED);
    });
    clients.emplace_back([&] {
      for (int i = 0; i < 50; ++i) EXPECT_NE(server->MetricsText().find("lathe_workers"), 0u);
    });
    for (std::thread& client : clients) client.join();
    for (const auto& [seed, found] : hashes) EXPECT_EQ(found.size(), 1u) << seed;
    EXPECT_EQ(hashes.size(), 3u);
  }
  server->Stop();
}

TEST_F(ServerLoadTest, AServerThatStopsInTheMiddleIsFollowedByOneThatGoesOn) {
  std::string job, hash;
  auto server = StartServer();
  WorkerThread first(server->ListeningOn(), 0), second(server->ListeningOn(), 1);
  Client client(server->ListeningOn());
  job = client.Create(4, 400);
  client.LookAround(job);
  server.reset();
  server = StartServer();
  EXPECT_EQ(client.WatchToEnd(job).state(), v1::Job::SUCCEEDED);
  const std::string again = client.Create(4, 400);
  EXPECT_EQ(client.WatchToEnd(again).state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(client.Report(job).trajectory_hash(), client.Report(again).trajectory_hash());
  EXPECT_EQ(client.Report(again).evaluations().run(), 0u);
}

}  // namespace
}  // namespace lathe
