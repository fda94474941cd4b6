#include "tests/bench/networks.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/vm/executor.h"
#include "evaluators/problem_cache.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/network_population.h"
#include "evaluators/train_in_step.h"
#include "tests/bench/torch_networks.h"

namespace lathe::bench {
namespace {

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";
constexpr int kModels = 8, kSteps = 10;
constexpr int kModelSteps = kModels * kSteps;  // in an iteration

// A task with the data that it is trained on.
struct Case {
  v1::Task task;
  std::shared_ptr<const Problem> problem;
};

v1::Task Steps() {
  v1::Task task;
  task.set_steps(kSteps);
  task.set_base_lr(0.01);  // of which nothing diverges
  task.set_validation_examples(32);
  return task;
}

Case Digits() {
  v1::Task task = Steps();
  task.mutable_conv_net();
  task = *ResolveTask(task);
  return {task, *ProblemCache(kData).Get(task, 0)};
}

Examples Tokens(int count, int context) {
  RandomStream random(1, {});
  Examples examples;
  examples.context = context;
  for (int i = 0; i < count * (context + 1); ++i) {
    examples.tokens.push_back(static_cast<uint8_t>(random.Below(10)));
  }
  return examples;
}

// A text of ten kinds of tokens.
Case Text() {
  v1::Task task = *ResolveTask(Steps());
  v1::Transformer& model = *task.mutable_transformer();
  model.set_context(32);
  model.set_width(32);
  model.set_heads(2);
  model.set_layers(2);
  Problem problem = {.train = Tokens(1000, 32),
                     .validation = Tokens(32, 32),
                     .test = {},
                     .initial_parameters = DrawInitialParameters(task, 0)};
  return {task, std::make_shared<const Problem>(std::move(problem))};
}

// All that an evaluation does: programs are made ready, batches gathered, models scored at the end.
void Population(benchmark::State& state, const Case& of, const char* name) {
  at::set_num_threads(1);
  const Program program = Canonicalize(*KnownProgram(name));
  for (auto _ : state) {
    std::vector<std::unique_ptr<Execution>> executions;
    std::vector<Execution*> pointers;
    for (int i = 0; i < kModels; ++i) {
      executions.push_back(*VmExecutor().Prepare(program, ParameterShapes(of.task)));
      pointers.push_back(executions.back().get());
    }
    NetworkPopulation models(
        of.task.has_conv_net() ? MakeConvNet(of.task) : MakeTransformer(of.task), kModels,
        *of.problem);
    const auto trained =
        TrainInStep(of.task, 0, *of.problem, pointers, Measure::kValidation, models);
    // One that diverged would have been spared its steps.
    if (!trained.ok() || trained->front().diverged) state.SkipWithError("an evaluation failed");
  }
}

// Batches that lie ready.
struct Batches {
  std::vector<at::Tensor> x, y;
};

Batches BatchesOf(const Case& of) {
  Batches batches;
  const Examples& train = of.problem->train;
  const auto size = static_cast<int64_t>(of.task.batch());
  for (int64_t begin = 0; begin + size <= train.Count(); begin += size) {
    if (train.context > 0) {
      const std::vector<int64_t> tokens(train.tokens.begin(), train.tokens.end());
      const at::Tensor all = at::tensor(tokens).view({train.Count(), -1}).narrow(0, begin, size);
      batches.x.push_back(all.narrow(1, 0, train.context).contiguous());
      batches.y.push_back(all.narrow(1, 1, train.context).contiguous());
      continue;
    }
    const std::vector<int64_t> classes(train.classes.begin(), train.classes.end());
    const at::Tensor all = at::tensor(train.values).view({train.Count(), 1, 8, 8});
    batches.x.push_back(all.narrow(0, begin, size).contiguous());
    batches.y.push_back(at::tensor(classes).narrow(0, begin, size).contiguous());
  }
  return batches;
}

void Torch(benchmark::State& state, const Case& of, bool stacked, const char* update) {
  at::set_num_threads(1);
  const auto make = of.task.has_conv_net() ? MakeTorchConvNets : MakeTorchTransformers;
  const auto models = make(of.task, kModels, stacked, update);
  const Batches batches = BatchesOf(of);
  size_t next = 0;
  for (auto _ : state) {
    for (int step = 0; step < kSteps; ++step, ++next) {
      models->Step(batches.x[next % batches.x.size()], batches.y[next % batches.y.size()]);
    }
  }
}

}  // namespace

std::vector<Figure> RegisterNetworks() {
  std::vector<Figure> figures;
  for (const auto& [name, of] : {std::pair<std::string, Case>{"conv", Digits()},
                                 std::pair<std::string, Case>{"transformer", Text()}}) {
    for (const char* update : {"sgd", "adamw"}) {
      const std::string suffix = std::string(update) == "sgd" ? "" : std::string("_") + update;
      const std::string ours = name + "_population" + suffix, eager = name + "_eager" + suffix;
      const std::string stacked = name + "_stacked" + suffix;
      benchmark::RegisterBenchmark(ours.c_str(), Population, of, update)->UseRealTime();
      benchmark::RegisterBenchmark(eager.c_str(), Torch, of, false, update)->UseRealTime();
      benchmark::RegisterBenchmark(stacked.c_str(), Torch, of, true, update)->UseRealTime();
      figures.push_back(Ratio("population_" + name + "_over_eager" + suffix, eager, ours));
      figures.push_back(Ratio("population_" + name + "_over_stacked" + suffix, stacked, ours));
      figures.push_back(
          PerSecond("population_" + name + "_model_steps" + suffix, ours, kModelSteps));
    }
  }
  return figures;
}

}  // namespace lathe::bench
