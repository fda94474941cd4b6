#include "tests/bench/proposals.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <functional>

#include "dsl/cost.h"
#include "dsl/text.h"
#include "dsl/verify.h"
#include "evaluators/task/task.h"
#include "server/search_log.h"
#include "server/store/memory_store.h"
#include "tests/bench/evolved_stream.h"

namespace lathe::bench {
namespace {

// Made by the first benchmark that runs.
const absl::StatusOr<EvolvedStream>& Stream() {
  static const auto stream = EvolvedStream::Make();
  return stream;
}

std::vector<Shape> TaskShapes(const EvolvedStream& stream) {
  return ParameterShapes(stream.job.task());
}

FilterOptions FiltersOf(const EvolvedStream& stream) {
  FilterOptions options;
  options.shapes = TaskShapes(stream);
  options.max_operations_per_parameter = stream.job.filters().max_operations_per_parameter();
  options.max_bytes_per_parameter = stream.job.filters().max_bytes_per_parameter();
  options.max_state_bytes_per_parameter = stream.job.filters().max_state_bytes_per_parameter();
  return options;
}

// The search as a server runs it, with a log that goes nowhere.
void Whole(const EvolvedStream& stream) {
  MemoryStore store;
  SearchLog log(store, nullptr, 1, 0);
  stream.Run(log);
  benchmark::DoNotOptimize(log.TakeUnwritten());
}

void MutateAll(const EvolvedStream& stream) {
  for (const CandidateRecord& record : stream.records) {
    if (!record.parents.empty()) benchmark::DoNotOptimize(stream.MutateAgain(record.index));
  }
}

void PrintRaw(const EvolvedStream& stream) {
  for (const Program& program : stream.programs) {
    benchmark::DoNotOptimize(Print(program));
    benchmark::DoNotOptimize(RangesOf(program));
  }
}

void VerifyAll(const EvolvedStream& stream) {
  for (const Program& program : stream.programs) benchmark::DoNotOptimize(Verify(program));
}

void CanonicalizeAll(const EvolvedStream& stream) {
  for (uint64_t i : stream.well_formed) {
    benchmark::DoNotOptimize(Canonicalize(stream.programs[i]));
  }
}

void PrintAndHash(const EvolvedStream& stream) {
  for (uint64_t i : stream.well_formed) {
    benchmark::DoNotOptimize(HashBytes(Print(stream.forms[i]->program)));
  }
}

// All filters: that of the gradient, that of cost, and the probes, which are what is left.
void FilterAll(const EvolvedStream& stream) {
  static const Filters filters(FiltersOf(stream));
  for (uint64_t i : stream.met_first) {
    benchmark::DoNotOptimize(filters.Judge(stream.forms[i]->program));
  }
}

void FilterByGradient(const EvolvedStream& stream) {
  for (uint64_t i : stream.met_first) {
    const Program& program = stream.forms[i]->program;
    bool reads = false;
    ForEachOperand(program, [&](const Operand& operand) {
      reads |= operand == Operand::Input(program.signature->required_input);
    });
    benchmark::DoNotOptimize(reads);
  }
}

void FilterByCost(const EvolvedStream& stream) {
  const std::vector<Shape> shapes = TaskShapes(stream);
  for (uint64_t i : stream.met_first) {
    if (stream.records[i].rejected_by == Filter::ignores_gradient) continue;
    benchmark::DoNotOptimize(CountCost(stream.forms[i]->program, shapes));
  }
}

void LogAll(const EvolvedStream& stream) {
  MemoryStore store;
  SearchLog log(store, nullptr, 1, 0);
  for (const CandidateRecord& record : stream.records) {
    log.Proposed(record, stream.forms[record.index].get());
  }
  for (uint64_t slot = 0; slot < stream.slots.size(); ++slot) {
    log.Told(slot, stream.slots[slot]);
  }
  benchmark::DoNotOptimize(log.TakeUnwritten());
}

void Count(const EvolvedStream& stream, benchmark::State& state) {
  const auto proposals = static_cast<double>(stream.records.size());
  double duplicates = 0, statements = 0;
  for (const CandidateRecord& record : stream.records) {
    duplicates += record.duplicate_of.has_value();
    statements += static_cast<double>(stream.programs[record.index].instructions.size());
  }
  const auto slots = static_cast<double>(stream.slots.size());
  state.counters["slots"] = slots / proposals;
  state.counters["duplicates"] = duplicates / proposals;
  state.counters["rejected"] = (proposals - duplicates - slots) / proposals;
  state.counters["met_first"] = static_cast<double>(stream.met_first.size()) / proposals;
  state.counters["statements"] = statements / proposals;
}

using Stage = void (*)(const EvolvedStream& stream);

void Register(const std::string& name, Stage stage) {
  benchmark::RegisterBenchmark(name.c_str(), [stage](benchmark::State& state) {
    if (!Stream().ok()) {
      state.SkipWithError(Stream().status().ToString().c_str());
      return;
    }
    for (auto _ : state) stage(*Stream());
    if (stage == Whole) Count(*Stream(), state);
  })->UseRealTime();
}

// The time of some stages without that of others, as a share of the whole.
Figure Share(const std::string& name, const std::vector<std::string>& of,
             const std::vector<std::string>& without) {
  return {"propose_share_" + name, "ratio", [=](const Medians& medians) {
            const auto sum = [&](const std::vector<std::string>& stages) {
              double total = 0;
              for (const std::string& stage : stages) {
                const auto found = medians.find(stage);
                total += found == medians.end() ? std::nan("") : found->second;
              }
              return total;
            };
            return (sum(of) - sum(without)) / sum({"propose"});
          }};
}

}  // namespace

std::vector<Figure> RegisterProposals() {
  std::vector<Figure> figures = {
      PerSecond("proposals_per_second", "propose", EvolvedStream::kCandidates),
      PerCpuSecond("proposals_per_cpu_second", "propose", EvolvedStream::kCandidates)};
  for (const char* count : {"slots", "duplicates", "rejected", "met_first"}) {
    figures.push_back(Counter(std::string("proposals_") + count, "ratio", "propose", count));
  }
  figures.push_back(Counter("proposals_statements", "statements", "propose", "statements"));
  Register("propose", Whole);
  const std::vector<std::pair<std::string, Stage>> stages = {{"mutate", MutateAll},
                                                             {"print_raw", PrintRaw},
                                                             {"verify", VerifyAll},
                                                             {"canonicalize", CanonicalizeAll},
                                                             {"print_hash", PrintAndHash},
                                                             {"filters", FilterAll},
                                                             {"log", LogAll}};
  std::vector<std::string> all;
  for (const auto& [name, stage] : stages) {
    Register("propose_" + name, stage);
    figures.push_back(Share(name, {"propose_" + name}, {}));
    all.push_back("propose_" + name);
  }
  figures.push_back(Share("bookkeeping", {"propose"}, all));
  Register("filter_gradient", FilterByGradient);
  Register("filter_cost", FilterByCost);
  figures.push_back(Share("filter_gradient", {"filter_gradient"}, {}));
  figures.push_back(Share("filter_cost", {"filter_cost"}, {}));
  figures.push_back(
      Share("filter_probes", {"propose_filters"}, {"filter_gradient", "filter_cost"}));
  return figures;
}

}  // namespace lathe::bench
