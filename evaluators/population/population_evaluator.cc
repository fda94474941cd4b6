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
#include "evaluators/population/training.h"
#include "evaluators/task/task.h"
#include "evaluators/without_exceptions.h"

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

// Some of a population's programs, which are trained in step with one seed after the other.
class PopulationEvaluator::Tile {
 public:
  Tile(PopulationEvaluator& evaluator, const PopulationRequest& request, const v1::Task& task,
       std::span<const Program* const> programs)
      : evaluator_(evaluator),
        request_(request),
        task_(task),
        programs_(programs),
        statuses_(programs.size()),
        evaluations_(programs.size()) {}

  // An error that is none of a single program's.
  absl::Status Run() {
    const absl::Status status = WithoutExceptions([this] { return Train(); });
    for (absl::Status& own : statuses_) own.Update(status);
    return status;
  }

  absl::StatusOr<std::vector<Evaluation>> Take(size_t i) {
    if (!statuses_[i].ok()) return statuses_[i];
    return std::move(evaluations_[i]);
  }

 private:
  absl::Status Train() {
    const std::vector<Shape> shapes = ParameterShapes(task_);
    executions_.resize(programs_.size());
    for (size_t i = 0; i < programs_.size(); ++i) {
      auto execution = evaluator_.executor_->Prepare(*programs_[i], shapes);
      statuses_[i] = execution.status();
      if (execution.ok()) executions_[i] = *std::move(execution);
    }
    for (const int seed : request_.seeds) {
      if (absl::Status status = TrainWith(seed); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status TrainWith(int seed) {
    std::vector<size_t> running;
    std::vector<Execution*> executions;
    for (size_t i = 0; i < programs_.size(); ++i) {
      if (!statuses_[i].ok() || HasStopped(i)) continue;
      running.push_back(i);
      executions_[i]->Reset();
      executions.push_back(executions_[i].get());
    }
    if (running.empty()) return absl::OkStatus();
    auto problem = evaluator_.problems_.Get(task_, seed);
    if (!problem.ok()) return problem.status();
    auto trained = TrainInStep(task_, seed, **problem, executions, request_.measure,
                               *evaluator_.options_.kernels);
    if (!trained.ok()) return trained.status();
    for (size_t k = 0; k < running.size(); ++k) {
      evaluations_[running[k]].push_back((*trained)[k]);
    }
    return absl::OkStatus();
  }

  bool HasStopped(size_t i) const {
    return request_.stop_at_divergence && !evaluations_[i].empty() &&
           evaluations_[i].back().diverged;
  }

  PopulationEvaluator& evaluator_;
  const PopulationRequest& request_;
  const v1::Task& task_;
  const std::span<const Program* const> programs_;
  std::vector<std::unique_ptr<Execution>> executions_;
  std::vector<absl::Status> statuses_;
  std::vector<std::vector<Evaluation>> evaluations_;
};

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
  return problems_.CheckData(task);
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
  if (!status.ok()) {
    for (size_t i = 0; i < request.programs.size(); ++i) on_evaluations(i, status);
    return;
  }
  const auto in_step = static_cast<size_t>(ModelsInStep(ParameterShapes(*task)));
  std::mutex telling;
  std::vector<bool> told(request.programs.size());
  const auto tell = [&](size_t i, absl::StatusOr<std::vector<Evaluation>> evaluations) {
    const std::lock_guard lock(telling);
    told[i] = true;
    on_evaluations(i, std::move(evaluations));
  };
  const auto run = [&](size_t begin) {
    Meet();
    RunTile(request, *task, begin, std::min(in_step, request.programs.size() - begin), tell);
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

void PopulationEvaluator::RunTile(const PopulationRequest& request, const v1::Task& task,
                                  size_t begin, size_t count, const OnEvaluations& tell) {
  Tile tile(*this, request, task, request.programs.subspan(begin, count));
  const absl::Status status = tile.Run();
  if (!status.ok() && count > 1) {
    // It may be one of them that asks for too much: the others shall not suffer for it.
    for (size_t i = 0; i < count; ++i) RunTile(request, task, begin + i, 1, tell);
    return;
  }
  for (size_t i = 0; i < count; ++i) tell(begin + i, tile.Take(i));
}

}  // namespace lathe
