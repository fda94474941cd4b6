#include "tests/bench/evaluations.h"

#include <benchmark/benchmark.h>

#include <string>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/verify.h"
#include "dsl/vm/executor.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/torch_evaluator.h"
#include "search/mutate.h"

namespace lathe::bench {
namespace {

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";
constexpr int kCandidates = 64;

// That of clients/examples/optimizer_digits.yaml.
v1::Task DemoTask() {
  v1::Task task;
  task.set_dataset("digits");
  task.set_feature_scale_exponent(1);
  task.mutable_mlp()->add_hidden(32);
  task.set_batch(32);
  task.set_steps(100);
  task.set_schedule(v1::Task::COSINE);
  task.set_base_lr(1);
  task.set_objective(v1::Task::VALIDATION_LOSS);
  return ResolveTask(task).value();
}

// What a search meets on its way from AdamW: each candidate a mutation of the one before.
std::vector<Program> Candidates() {
  MutationOptions options;
  options.space = SearchSpace::Default(OptimizerSignature());
  RandomStream random(5, {});
  std::vector<Program> candidates;
  Program current = *KnownProgram("adamw_warm_start");
  while (candidates.size() < kCandidates) {
    Program next = Mutate(current, options, random).program;
    if (!Verify(next).ok()) continue;
    candidates.push_back(Canonicalize(next));
    current = std::move(next);
  }
  return candidates;
}

// All candidates per iteration: they differ in what they cost.
void Evaluate(benchmark::State& state, const Executor& executor) {
  TorchEvaluator evaluator(kData, executor);
  const v1::Task task = DemoTask();
  const std::vector<Program> candidates = Candidates();
  for (auto _ : state) {
    for (const Program& candidate : candidates) {
      if (!evaluator.Evaluate(candidate, task, 0, Measure::kValidation).ok()) {
        state.SkipWithError("an evaluation failed");
      }
    }
  }
}

}  // namespace

std::vector<Figure> RegisterEvaluations() {
  for (const Executor* executor : {&ReferenceExecutor(), &VmExecutor()}) {
    const std::string name = executor == &VmExecutor() ? "evaluate_vm" : "evaluate_reference";
    benchmark::RegisterBenchmark(name.c_str(), [executor](benchmark::State& state) {
      Evaluate(state, *executor);
    })->UseRealTime();
  }
  return {PerSecond("evaluations_per_second_reference", "evaluate_reference", kCandidates),
          PerSecond("evaluations_per_second_vm", "evaluate_vm", kCandidates),
          Ratio("evaluation_reference_over_vm", "evaluate_reference", "evaluate_vm")};
}

}  // namespace lathe::bench
