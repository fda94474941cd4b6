#include "tests/bench/populations.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/vm/executor.h"
#include "evaluators/model_step.h"
#include "evaluators/population/mlp_population.h"
#include "evaluators/population/training.h"
#include "evaluators/problem_cache.h"
#include "evaluators/task/task.h"
#include "tests/bench/torch_models.h"

namespace lathe::bench {
namespace {

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";
constexpr int kModels = 64, kSteps = 16, kInStep = kMostInStep;
constexpr int kModelSteps = kModels * kSteps;  // in an iteration

v1::Task Digits() {
  v1::Task task;
  task.set_steps(1'000'000);
  return *ResolveTask(task);
}

std::shared_ptr<const Problem> DigitsProblem() {
  return *ProblemCache(kData, 1 << 26).Get(Digits(), 0);
}

// As the evaluator trains them, some in step at a time; batches are gathered on the way.
void Population(benchmark::State& state, const char* program) {
  const v1::Task task = Digits();
  const auto problem = DigitsProblem();
  const PopulationKernels& kernels = AvailablePopulationKernels().front();
  const std::vector<Shape> shapes = ParameterShapes(task);
  struct Tile {
    std::unique_ptr<MlpPopulation> models;
    std::vector<std::unique_ptr<Execution>> executions;
    std::vector<std::unique_ptr<ModelStep>> steps;
    std::unique_ptr<BatchOrder> order;
  };
  std::vector<Tile> tiles(kModels / kInStep);
  for (Tile& tile : tiles) {
    tile.models =
        std::make_unique<MlpPopulation>(shapes, static_cast<int>(task.batch()), kInStep, kernels);
    tile.order = std::make_unique<BatchOrder>(task, 0);
    for (int m = 0; m < kInStep; ++m) {
      tile.models->Load(m, problem->initial_parameters);
      tile.executions.push_back(
          *VmExecutor().Prepare(Canonicalize(*KnownProgram(program)), shapes));
      std::vector<float*> parameters, gradients;
      for (const size_t offset : tile.models->Offsets()) {
        parameters.push_back(tile.models->Parameters(m).data() + offset);
        gradients.push_back(tile.models->Gradient().data() + offset);
      }
      tile.steps.push_back(
          std::make_unique<ModelStep>(task, parameters, gradients, *tile.executions.back()));
    }
  }
  int t = 0;
  for (auto _ : state) {
    for (Tile& tile : tiles) {
      for (int s = 1; s <= kSteps; ++s) {
        tile.models->TakeBatch(problem->train, tile.order->Next());
        for (int m = 0; m < kInStep; ++m) {
          benchmark::DoNotOptimize(tile.models->ForwardBackward(m));
          if (!tile.steps[static_cast<size_t>(m)]->Take(t + s).ok()) {
            state.SkipWithError("a step failed");
          }
        }
      }
    }
    t += kSteps;
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
