#include "tests/bench/load.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "dsl/random.h"
#include "tests/bench/load_server.h"
#include "tests/bench/simulated_worker.h"

namespace lathe::bench {
namespace {

constexpr int kServerCore = 0, kWorkersCore = 1;
constexpr int kRepetitions = 3;

// Full load: workers that answer at once, in full batches.
constexpr uint64_t kEvaluations = 40000;
constexpr int kWorkers = 2, kBatch = 256;
// How long they let items gather. A call that waits at the server would get the first one alone.
constexpr absl::Duration kGather = absl::Milliseconds(4);

// Many workers with much to do: each takes 16 evaluations every 200 ms, all together about 5,000 a
// second, and renews its leases in between.
constexpr int kManyWorkers = 64, kSmallBatch = 16;
constexpr absl::Duration kWork = absl::Milliseconds(100);
constexpr int kRounds = 40;

// Leases until there is a full batch, or nothing is left to lease, and completes it; until the
// server stops. `left` is what all workers together have yet to lease.
absl::Status Work(SimulatedWorker& worker, std::atomic<int64_t>& left) {
  SimulatedWorker::Leases held;
  while (true) {
    auto leases = worker.Lease(kBatch - static_cast<int>(held.size()));
    if (!leases.ok()) return left <= 0 ? absl::OkStatus() : leases.status();
    left -= static_cast<int64_t>(leases->size());
    held.insert(held.end(), std::make_move_iterator(leases->begin()),
                std::make_move_iterator(leases->end()));
    if (held.size() == kBatch || (left <= 0 && !held.empty())) {
      if (absl::Status status = worker.Complete(held); !status.ok()) return status;
      held.clear();
    } else {
      absl::SleepFor(kGather);
    }
  }
}

// Pins the server to one core and this process, for as long as this is there, to another.
class ServerAndWorkers {
 public:
  static absl::StatusOr<std::unique_ptr<ServerAndWorkers>> Start(LoadServerOptions options,
                                                                 int batch) {
    auto both = std::make_unique<ServerAndWorkers>();
    options.directory = both->directory_.Path();
    {
      const OnCore core(kServerCore);
      auto server = StartLoadServer(options);
      if (!server.ok()) return server.status();
      both->server_.emplace(*std::move(server));
    }
    for (int i = 0; i < options.workers; ++i) {
      auto worker = SimulatedWorker::Connect(SocketOf(options), batch);
      if (!worker.ok()) return worker.status();
      both->workers.push_back(*std::move(worker));
    }
    return both;
  }

  absl::StatusOr<nlohmann::json> Result() { return server_->Result(); }

  std::vector<std::unique_ptr<SimulatedWorker>> workers;

 private:
  const TemporaryDirectory directory_;
  const OnCore core_{kWorkersCore};
  std::optional<OwnProcess> server_;
};

absl::StatusOr<nlohmann::json> RunLoad(const LoadServerOptions& options) {
  const auto both = ServerAndWorkers::Start(options, kBatch);
  if (!both.ok()) return both.status();
  std::atomic<int64_t> left{static_cast<int64_t>(options.evaluations)};
  std::vector<absl::Status> statuses(kWorkers);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, i] { statuses[i] = Work(*(*both)->workers[i], left); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return (*both)->Result();
}

void FullLoad(benchmark::State& state, bool sync, bool trajectory) {
  LoadServerOptions options;
  options.evaluations = kEvaluations;
  options.workers = kWorkers;
  options.sync = sync;
  options.trajectory = trajectory;
  for (auto _ : state) {
    const auto result = RunLoad(options);
    if (!result.ok()) {
      state.SkipWithError(result.status().ToString().c_str());
      break;
    }
    const double seconds = (*result)["seconds"], cpu_seconds = (*result)["cpu_seconds"];
    const double store_seconds = (*result)["store_seconds"];
    const double store_cpu_seconds = (*result)["store_cpu_seconds"];
    state.SetIterationTime(seconds);
    state.counters["per_cpu_second"] = kEvaluations / cpu_seconds;
    state.counters["store_per_second"] = kEvaluations / store_seconds;
    state.counters["of_store"] = store_seconds / seconds;
    state.counters["of_store_cpu"] = store_cpu_seconds / cpu_seconds;
  }
}

// The seconds of each of its lease calls.
absl::StatusOr<std::vector<double>> LeaseTimes(SimulatedWorker& worker, uint64_t number) {
  // So that they do not all come at once.
  absl::SleepFor(2 * kWork * RandomStream(1, {number}).Uniform());
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const Stopwatch watch;
    const auto leases = worker.Lease(kSmallBatch);
    times.push_back(watch.Seconds());
    if (!leases.ok()) return leases.status();
    absl::SleepFor(kWork);
    if (absl::Status status = worker.Heartbeat(*leases); !status.ok()) return status;
    absl::SleepFor(kWork);
    if (absl::Status status = worker.Complete(*leases); !status.ok()) return status;
  }
  return times;
}

absl::StatusOr<std::vector<double>> RunManyWorkers(bool sync) {
  LoadServerOptions options;
  options.evaluations = 2 * kManyWorkers * kSmallBatch * kRounds;  // more than are asked for
  options.workers = kManyWorkers;
  options.sync = sync;
  const auto both = ServerAndWorkers::Start(options, kSmallBatch);
  if (!both.ok()) return both.status();
  std::vector<absl::StatusOr<std::vector<double>>> found(kManyWorkers);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] { found[i] = LeaseTimes(*(*both)->workers[i], i); });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> times;
  for (const auto& of_worker : found) {
    if (!of_worker.ok()) return of_worker.status();
    times.insert(times.end(), of_worker->begin(), of_worker->end());
  }
  std::sort(times.begin(), times.end());
  return times;
}

void LeaseCalls(benchmark::State& state, bool sync) {
  for (auto _ : state) {
    const auto times = RunManyWorkers(sync);
    if (!times.ok()) {
      state.SkipWithError(times.status().ToString().c_str());
      break;
    }
    const double p99 = (*times)[times->size() * 99 / 100];
    state.SetIterationTime(p99);
    state.counters["p50_ms"] = 1e3 * (*times)[times->size() / 2];
    state.counters["p99_ms"] = 1e3 * p99;
  }
}

// Also per second of the server's core: with a core to itself that is the same, and on a shared
// machine it is nearer to what the server could do.
std::vector<Figure> LoadFigures(const std::string& of) {
  const std::string load = "load" + of;
  return {PerSecond("load_evaluations_per_second" + of, load, kEvaluations),
          Counter("load_evaluations_per_cpu_second" + of, "1/s", load, "per_cpu_second"),
          Counter("load_store_per_second" + of, "1/s", load, "store_per_second"),
          Counter("load_share_of_store" + of, "ratio", load, "of_store"),
          Counter("load_share_of_store_cpu" + of, "ratio", load, "of_store_cpu")};
}

}  // namespace

std::vector<Figure> RegisterLoad() {
  std::vector<Figure> figures;
  const auto add = [](const std::string& name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run)
        ->UseManualTime()
        ->Iterations(1)
        ->Repetitions(kRepetitions);
  };
  for (const bool trajectory : {false, true}) {
    for (const bool sync : {false, true}) {
      const std::string of = std::string(trajectory ? "_trajectory" : "") + (sync ? "_sync" : "");
      add("load" + of, [=](benchmark::State& state) { FullLoad(state, sync, trajectory); });
      for (Figure& figure : LoadFigures(of)) figures.push_back(std::move(figure));
    }
  }
  for (const bool sync : {false, true}) {
    const std::string of = sync ? "_sync" : "";
    add("lease" + of, [=](benchmark::State& state) { LeaseCalls(state, sync); });
    figures.push_back(Counter("lease_p50" + of, "ms", "lease" + of, "p50_ms"));
    figures.push_back(Counter("lease_p99" + of, "ms", "lease" + of, "p99_ms"));
  }
  return figures;
}

}  // namespace lathe::bench
