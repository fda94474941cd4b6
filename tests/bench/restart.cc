#include "tests/bench/restart.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "search/evolution.h"
#include "search/spec/build_search.h"
#include "search/spec/resolve_job.h"
#include "server/search_log.h"
#include "server/store/rocksdb_store.h"
#include "tests/bench/candidate_texts.h"
#include "tests/bench/machine.h"

namespace lathe::bench {
namespace {

constexpr JobId kJob = 1;
constexpr uint64_t kWindow = 32;
constexpr size_t kBatch = 1024;  // records
constexpr int kPopulation = 300;

absl::StatusOr<v1::JobSpec> Job() {
  v1::JobSpec job;
  job.set_name("bench");
  job.set_window(kWindow);
  job.mutable_budget()->set_candidates(uint64_t{1} << 40);
  job.mutable_strategy()->set_population(kPopulation);
  job.add_warm_start("adamw_warm_start");
  return ResolveJob(job);
}

uint64_t Candidates() {
  const char* given = std::getenv("LATHE_BENCH_CANDIDATES");
  uint64_t candidates = 0;
  if (given != nullptr && absl::SimpleAtoi(given, &candidates) && candidates > 0) return candidates;
  return 1000000;
}

// Writes the log that a search would have written, without the search.
class LogMaker {
 public:
  explicit LogMaker(Store& store) : store_(store), log_(store, nullptr, kJob, 0) {
    EvolutionOptions options;
    options.population = kPopulation;
    options.warm_start = {warm_start_};
    evolution_ = std::make_unique<Evolution>(std::move(options));
  }

  absl::Status Write(uint64_t candidates) {
    for (uint64_t i = 0; i < candidates; ++i) {
      Propose(i);
      if (log_.Unwritten() < kBatch) continue;
      if (absl::Status status = store_.Write(log_.TakeUnwritten()); !status.ok()) return status;
    }
    while (told_.size() < slots_) Tell();
    // The population of the last slots, as if the search had begun with an earlier population.
    const uint64_t first = slots_ - std::min<uint64_t>(slots_, kPopulation);
    for (uint64_t slot = first; slot < slots_; ++slot) {
      evolution_->Tell(told_[slot], warm_start_, Outcome::Ok(Objective(slot)));
    }
    WriteBatch batch = log_.TakeUnwritten();
    log_.PutCheckpoint({candidates, slots_, evolution_->Save()}, batch);
    return store_.Write(batch);
  }

 private:
  // Two candidates in ten take a slot, seven are duplicates, one is rejected: about what an
  // evolution shows, see the figures "proposals_".
  void Propose(uint64_t index) {
    CandidateRecord record;
    record.index = index;
    record.raw_text = texts_.Raw(index);
    record.parents = {index / 2};
    record.operation = "modify";
    const CanonicalForm form{{}, record.raw_text, HashBytes(record.raw_text)};
    record.program = form.hash;
    const uint64_t place = index % 10;
    if (place < 2) {
      if (slots_ - told_.size() >= kWindow) Tell();
      record.slot = slots_++;
      indices_.push_back(index);
    } else if (place < 9) {
      record.duplicate_of = (index * 7919) % slots_;
      record.program = Hash128{*record.duplicate_of, *record.duplicate_of};
    } else {
      record.rejected_by = Filter::not_finite;
    }
    record.told = told_.size();
    log_.Proposed(record, &form);
  }

  void Tell() {
    const uint64_t slot = told_.size();
    log_.Told(slot, {Outcome::Ok(Objective(slot)), {}});
    told_.push_back(indices_[slot]);
  }

  // Slowly better, as in a search, so that the best change now and then.
  static double Objective(uint64_t slot) {
    const uint64_t noise = (slot * uint64_t{0x9E3779B97F4A7C15}) >> 40;
    return 0.2 + 0.1 / std::sqrt(1.0 + static_cast<double>(slot)) + 1e-8 * noise;
  }

  Store& store_;
  SearchLog log_;
  const CandidateTexts texts_;
  const Program warm_start_ = *KnownProgram("adamw_warm_start");
  std::unique_ptr<Evolution> evolution_;
  uint64_t slots_ = 0;
  std::vector<uint64_t> indices_;  // of candidates, by slot
  std::vector<uint64_t> told_;     // the same, of slots that have been told
};

// The memory is that of the search and of the store's caches.
absl::StatusOr<nlohmann::json> TakeUp(const std::string& directory) {
  const auto job = Job();
  if (!job.ok()) return job.status();
  const uint64_t before = ResidentBytes();
  const Stopwatch watch;
  const auto store = OpenRocksDbStore(directory);
  if (!store.ok()) return store.status();
  const double open_seconds = watch.Seconds();
  SearchLog log(**store, nullptr, kJob, 0);
  const auto trajectory = BuildTrajectory(*job, &log);
  const auto checkpoint = log.ReadCheckpoint();
  if (!checkpoint.ok()) return checkpoint.status();
  const auto restored = trajectory->Restore(log, *checkpoint);
  if (!restored.ok()) return restored.status();
  const double seconds = watch.Seconds();
  return nlohmann::json{{"seconds", seconds},
                        {"open_seconds", open_seconds},
                        {"bytes", ResidentBytes() - before},
                        {"candidates", restored->candidates}};
}

absl::Status Make(const std::string& directory) {
  const auto store = OpenRocksDbStore(directory);
  return store.ok() ? LogMaker(**store).Write(Candidates()) : store.status();
}

absl::StatusOr<nlohmann::json> RunRestart() {
  // Made at the first call only.
  static const TemporaryDirectory directory;
  static const absl::Status made = Make(directory.Path());
  if (!made.ok()) return made;
  auto process = OwnProcess::Start({kRestartArgument, directory.Path()});
  return process.ok() ? process->Result() : process.status();
}

void Restart(benchmark::State& state) {
  for (auto _ : state) {
    const auto result = RunRestart();
    if (!result.ok()) {
      state.SkipWithError(result.status().ToString().c_str());
      break;
    }
    const double seconds = (*result)["seconds"], bytes = (*result)["bytes"];
    const double candidates = (*result)["candidates"];
    state.SetIterationTime(seconds);
    state.counters["candidates"] = candidates;
    state.counters["seconds"] = seconds;
    state.counters["open_seconds"] = (*result)["open_seconds"];
    state.counters["mebibytes"] = bytes / (1 << 20);
    state.counters["bytes_each"] = bytes / candidates;
  }
}

}  // namespace

std::vector<Figure> RegisterRestart() {
  benchmark::RegisterBenchmark("restart", Restart)->UseManualTime()->Iterations(1)->Repetitions(3);
  return {Counter("restart_candidates", "candidates", "restart", "candidates"),
          Counter("restart_seconds", "s", "restart", "seconds"),
          Counter("restart_open_seconds", "s", "restart", "open_seconds"),
          Counter("restart_memory", "MiB", "restart", "mebibytes"),
          Counter("restart_memory_per_candidate", "bytes", "restart", "bytes_each")};
}

int RestartMain(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return Tell(absl::InvalidArgumentError("--restart is for the bench"));
  return Tell(TakeUp(arguments[0]));
}

}  // namespace lathe::bench
