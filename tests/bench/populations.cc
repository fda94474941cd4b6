#include "tests/bench/populations.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "evaluators/population/population_evaluator.h"
#include "evaluators/problem_cache.h"
#include "evaluators/task/task.h"
#include "tests/bench/torch_models.h"

namespace lathe::bench {
namespace {

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";
constexpr int kModels = 64, kSteps = 100;
constexpr int kModelSteps = kModels * kSteps;  // in an iteration

v1::Task Digits() {
  v1::Task task;
  task.set_steps(kSteps);
  task.set_base_lr(0.01);  // of which nothing diverges
  return *ResolveTask(task);
}

std::shared_ptr<const Problem> DigitsProblem() {
  return *ProblemCache(kData).Get(Digits(), 0);
}

// All that an evaluation does: programs are made ready, batches gathered, models scored at the end.
void Population(benchmark::State& state, const char* name) {
  PopulationEvaluator evaluator(kData);
  const v1::Task task = Digits();
  const Program program = Canonicalize(*KnownProgram(name));
  const std::vector<const Program*> programs(kModels, &program);
  const std::vector<int> seeds = {0};
  for (auto _ : state) {
    evaluator.EvaluatePopulation(
        {.programs = programs, .task = task, .seeds = seeds},
        [&](size_t, const absl::StatusOr<std::vector<Evaluation>>& result) {
          // One that diverged would have been spared its steps.
          if (result.ok() && !result->front().diverged) return;
          state.SkipWithError("an evaluation failed");
        });
  }
}

// Batches lie ready.
void Torch(benchmark::State& state, bool stacked, const char* update) {
  at::set_num_threads(1);
  const auto problem = DigitsProblem();
  const ModelSizes sizes{.models = kModels, .batch = 32, .inputs = 64, .hidden = 32, .classes = 10};
  TorchModels models(sizes, stacked, update);
  std::vector<float> values = problem->train.values;
  std::vector<int64_t> classes(problem->train.classes.begin(), problem->train.classes.end());
  const at::Tensor x = at::from_blob(values.data(), {problem->train.Count(), 64}, at::kFloat);
  const at::Tensor y = at::from_blob(classes.data(), {problem->train.Count()}, at::kLong);
  int64_t next = 0;
  for (auto _ : state) {
    for (int s = 0; s < kSteps; ++s) {
      const int64_t begin = next++ % (x.size(0) / sizes.batch) * sizes.batch;
      models.Step(x.narrow(0, begin, sizes.batch), y.narrow(0, begin, sizes.batch));
    }
  }
}

}  // namespace

std::vector<Figure> RegisterPopulations() {
  std::vector<Figure> figures;
  for (const char* update : {"sgd", "adamw"}) {
    const std::string of = std::string(update) == "sgd" ? "" : std::string("_") + update;
    const std::string ours = "population" + of, eager = "eager" + of, bmm = "bmm" + of;
    benchmark::RegisterBenchmark(ours.c_str(), Population, update)->UseRealTime();
    benchmark::RegisterBenchmark(eager.c_str(), Torch, false, update)->UseRealTime();
    benchmark::RegisterBenchmark(bmm.c_str(), Torch, true, update)->UseRealTime();
    figures.push_back(Ratio("population_mlp_over_eager" + of, eager, ours));
    figures.push_back(Ratio("population_mlp_over_bmm" + of, bmm, ours));
    figures.push_back(PerSecond("population_mlp_model_steps" + of, ours, kModelSteps));
  }
  return figures;
}

}  // namespace lathe::bench
