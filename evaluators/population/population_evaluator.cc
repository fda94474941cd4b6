#include "evaluators/population/population_evaluator.h"

#include <gnu/libc-version.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dsl/vm/executor.h"
#include "evaluators/datasets/without_exceptions.h"
#include "evaluators/population/training.h"
#include "evaluators/program_tile.h"
#include "evaluators/task/task.h"

namespace lathe {
namespace {

// Goes up with every change after which a program may score otherwise.
constexpr int kEvaluatorVersion = 3;

// Orders what one thread has written before it hands over work and what another one reads of it.
// TBB does so too, but nobody who looks for races can see it.
void Meet() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
}

}  // namespace

PopulationEvaluator::PopulationEvaluator(std::string data_directory,
                                         PopulationEvaluatorOptions options)
    : options_(options),
      executor_(MakeVmExecutor(*options_.kernels->matrices)),
      problems_(std::move(data_directory)) {}

PopulationEvaluator::~PopulationEvaluator() = default;

// Numbers of programs, and schedules, are computed by the C library, whose functions for processors
// with fused multiply-adds now and then differ from the others in the last bit of a double.
std::string PopulationEvaluator::NumericClass() const {
#if defined(__x86_64__)
  const bool fused = __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
  const std::string_view arithmetic = fused ? "fma" : "nofma";
#else
  const std::string_view arithmetic = "other";
#endif
  return absl::StrCat("lathe-", kEvaluatorVersion, "-", std::string(executor_->Name()), "-glibc-",
                      gnu_get_libc_version(), "-", std::string(arithmetic));
}

// Threads find work until near the end though some tiles take longer than others.
int PopulationEvaluator::PopulationSize() const {
  return kMostInStep * (options_.threads == 1 ? 1 : 4 * options_.threads);
}

absl::Status PopulationEvaluator::Check(const v1::Task& task) {
  absl::Status status = problems_.CheckData(task);
  status.Update(CheckModel(task, *this));
  return status;
}

absl::StatusOr<Evaluation> PopulationEvaluator::Evaluate(const Program& program,
                                                         const v1::Task& task, int seed_index,
                                                         Measure measure) {
  const Program* const programs[] = {&program};
  const int seeds[] = {seed_index};
  absl::StatusOr<Evaluation> result;
  EvaluatePopulation({.programs = programs, .task = task, .seeds = seeds, .measure = measure},
                     [&](size_t, absl::StatusOr<std::vector<Evaluation>> evaluations) {
                       result = evaluations.ok() ? absl::StatusOr<Evaluation>(evaluations->front())
                                                 : evaluations.status();
                     });
  return result;
}

void PopulationEvaluator::EvaluatePopulation(const PopulationRequest& request,
                                             const OnEvaluations& on_evaluations) {
  // Checks the task; changes nothing about a resolved one.
  const absl::StatusOr<v1::Task> task = ResolveTask(request.task);
  absl::Status status = task.status();
  status.Update(CheckRequest(request));
  status.Update(CheckModel(request.task, *this));
  if (!status.ok()) {
    for (size_t i = 0; i < request.programs.size(); ++i) on_evaluations(i, status);
    return;
  }
  const auto in_step = static_cast<size_t>(ModelsInStep(*task));
  std::mutex telling;
  std::vector<bool> told(request.programs.size());
  const auto tell = [&](size_t i, absl::StatusOr<std::vector<Evaluation>> evaluations) {
    const std::lock_guard lock(telling);
    told[i] = true;
    on_evaluations(i, std::move(evaluations));
  };
  const TrainPrograms train = [&](int seed, const Problem& problem,
                                  std::span<Execution* const> executions) {
    return TrainMlps(*task, seed, problem, executions, request.measure, *options_.kernels);
  };
  const TileMeans means = {.executor = *executor_, .problems = problems_, .train = train};
  const auto run = [&](size_t begin) {
    Meet();
    TrainTile(means, request, *task, begin, std::min(in_step, request.programs.size() - begin),
              tell);
  };
  status = WithoutExceptions([&] {
    if (options_.threads == 1 || request.programs.size() <= in_step) {
      for (size_t i = 0; i < request.programs.size(); i += in_step) run(i);
      return absl::OkStatus();
    }
    // More threads than cores would be refused, with a warning.
    tbb::task_arena arena(std::min(options_.threads, tbb::info::default_concurrency()));
    Meet();
    arena.execute([&] {
      tbb::parallel_for(size_t{0}, request.programs.size(), in_step, run,
                        tbb::simple_partitioner());
    });
    Meet();
    return absl::OkStatus();
  });
  if (status.ok()) return;
  for (size_t i = 0; i < told.size(); ++i) {
    if (!told[i]) on_evaluations(i, status);
  }
}

}  // namespace lathe
