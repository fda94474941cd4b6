#include "tests/bench/look_ups.h"

#include <benchmark/benchmark.h>

#include <memory>

#include "dsl/random.h"
#include "evaluators/task/task.h"
#include "server/evaluation_records.h"
#include "server/store/rocksdb_store.h"
#include "tests/bench/candidate_texts.h"
#include "tests/bench/machine.h"

namespace lathe::bench {
namespace {

constexpr uint64_t kPrograms = 100000;
constexpr int kSeeds = 4;  // of each of them; as many as a task has by default
constexpr size_t kBatch = 256;
constexpr size_t kAsked = 50000;  // different programs, half of them there

// Evaluations of many programs on one task.
class Evaluations {
 public:
  static absl::StatusOr<std::unique_ptr<Evaluations>> Make() {
    auto made = std::make_unique<Evaluations>();
    if (absl::Status status = made->Write(); !status.ok()) return status;
    // Opened anew, as by a server that has not looked at any of them.
    auto store = OpenRocksDbStore(made->directory_.Path());
    if (!store.ok()) return store.status();
    made->store_ = *std::move(store);
    made->records_ = std::make_unique<EvaluationRecords>(*made->store_, made->metrics_);
    RandomStream random(7, {});
    for (size_t i = 0; i < kAsked; ++i) {
      made->asked_.push_back(made->Form(random.Below(kPrograms) + (i % 2) * kPrograms));
    }
    return made;
  }

  // How many of the first seeds of a program were found. `number` goes round all that are asked
  // for.
  absl::StatusOr<int> LookUp(size_t number, int seeds) const {
    const CanonicalForm& form = asked_[number % kAsked];
    EvaluationRecords::LookUp look_up = records_->For(form, task_);
    int hits = 0;
    for (int seed = 0; seed < seeds; ++seed) {
      const auto found = look_up.Find(KeyOf(form, seed));
      if (!found.ok()) return found.status();
      hits += found->has_value();
    }
    return hits;
  }

 private:
  CanonicalForm Form(uint64_t number) const {
    std::string text = texts_.Raw(number);
    const Hash128 hash = HashBytes(text);
    return {{}, std::move(text), hash};
  }
  EvaluationKey KeyOf(const CanonicalForm& form, int seed) const {
    return {form.hash, task_hash_, kLanguageVersion, false, seed, "bench"};
  }
  v1::Evaluation Record(uint64_t number) const {
    v1::Evaluation evaluation;
    *evaluation.mutable_task() = task_;
    evaluation.mutable_result()->set_objective(0.3 + 1e-6 * static_cast<double>(number));
    evaluation.mutable_provenance()->set_worker("simulated");
    evaluation.mutable_provenance()->set_device("cpu");
    evaluation.mutable_provenance()->mutable_end_time()->set_seconds(1700000000);
    evaluation.mutable_provenance()->mutable_duration()->set_nanos(3000000);
    evaluation.mutable_provenance()->set_attempts(1);
    return evaluation;
  }

  absl::Status Write() {
    const auto store = OpenRocksDbStore(directory_.Path());
    if (!store.ok()) return store.status();
    const EvaluationRecords records(**store, metrics_);
    WriteBatch batch;
    for (uint64_t i = 0; i < kPrograms; ++i) {
      const CanonicalForm form = Form(i);
      std::vector<EvaluationRecords::Entry> evaluations;
      evaluations.reserve(kSeeds);
      for (int seed = 0; seed < kSeeds; ++seed) {
        evaluations.emplace_back(KeyOf(form, seed),
                                 Record(i * kSeeds + static_cast<uint64_t>(seed)));
      }
      absl::Status status = records.Put(form, evaluations, batch);
      if (status.ok() && (i + 1) % kBatch == 0) status = records.Write(std::exchange(batch, {}));
      if (!status.ok()) return status;
    }
    return records.Write(batch);
  }

  const TemporaryDirectory directory_;
  const CandidateTexts texts_;
  const v1::Task task_ = *ResolveTask({});
  const Hash128 task_hash_ = TaskHash(task_);
  Metrics metrics_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<EvaluationRecords> records_;
  std::vector<CanonicalForm> asked_;
};

void LookUp(benchmark::State& state, int seeds) {
  // Made at the first call only: it takes longer than the look-ups.
  static const auto evaluations = Evaluations::Make();
  if (!evaluations.ok()) {
    state.SkipWithError(evaluations.status().ToString().c_str());
    return;
  }
  static size_t number = 0;
  double asked = 0, hits = 0;
  for (auto _ : state) {
    const auto found = (*evaluations)->LookUp(number++, seeds);
    if (!found.ok()) {
      state.SkipWithError(found.status().ToString().c_str());
      break;
    }
    asked += seeds;
    hits += *found;
  }
  state.counters["hits"] = hits / asked;
}

}  // namespace

std::vector<Figure> RegisterLookUps() {
  // As a request asks, and each seed by itself, which compares the text of a program every time.
  benchmark::RegisterBenchmark("look_up_seeds", LookUp, kSeeds)->UseRealTime()->MinTime(0.3);
  benchmark::RegisterBenchmark("look_up_one", LookUp, 1)->UseRealTime()->MinTime(0.3);
  return {PerSecond("look_ups_per_second", "look_up_seeds", kSeeds),
          PerSecond("look_ups_alone_per_second", "look_up_one"),
          Counter("look_ups_hits", "ratio", "look_up_seeds", "hits")};
}

}  // namespace lathe::bench
