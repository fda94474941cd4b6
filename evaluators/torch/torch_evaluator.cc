#include "evaluators/torch/torch_evaluator.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <gnu/libc-version.h>
#include <torch/version.h>

#include <algorithm>
#include <mutex>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "evaluators/program_tile.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/blas.h"
#include "evaluators/torch/network_population.h"
#include "evaluators/torch/training_run.h"
#include "evaluators/train_in_step.h"
#include "evaluators/without_exceptions.h"

namespace lathe {
namespace {

// Goes up with every change after which a program may score otherwise.
constexpr int kEvaluatorVersion = 2;

void UseOneThread() {
  static std::once_flag once;
  std::call_once(once, [] {
    UseOneBlasThread();
    try {
      at::set_num_interop_threads(1);
    } catch (const c10::Error&) {
      // Somebody has set it before. An evaluation never uses that pool.
    }
  });
  // OpenMP keeps this number for each thread of ours.
  static thread_local const bool set = [] {
    at::set_num_threads(1);
    return true;
  }();
  static_cast<void>(set);
}

// The instruction set of torch's own kernels, e.g. "avx2": it goes by the processor, and sums
// differ.
std::string TorchKernels() {
  constexpr std::string_view kLabel = "CPU capability usage: ";
  const std::string config = at::show_config();
  const size_t label = config.find(kLabel);
  if (label == std::string::npos) return "cpu";
  const size_t begin = label + kLabel.size();
  const std::string kernels = config.substr(begin, config.find('\n', begin) - begin);
  return absl::StrReplaceAll(absl::AsciiStrToLower(kernels), {{" ", "_"}});
}

// Held during an evaluation where the BLAS cannot be used by two threads at once.
std::unique_lock<std::mutex> LockUnlessBlasAllowsThreads() {
  static std::mutex mutex;
  static const bool allowed = BlasAllowsThreads().ok();
  return allowed ? std::unique_lock<std::mutex>() : std::unique_lock(mutex);
}

// What torch throws has a message of its own.
template <typename Function>
auto WithoutTorchExceptions(Function function) -> decltype(function()) {
  return WithoutExceptions([&]() -> decltype(function()) {
    try {
      return function();
    } catch (const c10::Error& error) {
      return absl::InternalError(absl::StrCat("torch: ", error.what_without_backtrace()));
    }
  });
}

std::unique_ptr<Network> MakeNetwork(const v1::Task& task) {
  return task.has_conv_net() ? MakeConvNet(task) : MakeTransformer(task);
}

}  // namespace

TorchEvaluator::TorchEvaluator(std::string data_directory, const Executor& executor)
    : executor_(executor), problems_(std::move(data_directory)) {
  UseOneThread();
}

std::string TorchEvaluator::NumericClass() const {
  return absl::StrCat("lathe-", kEvaluatorVersion, "-torch-", TORCH_VERSION, "-", TorchKernels(),
                      "-", BlasName(), "-glibc-", gnu_get_libc_version(), "-",
                      std::string(executor_.Name()));
}

absl::Status TorchEvaluator::Check(const v1::Task& task) {
  return problems_.CheckData(task);
}

absl::StatusOr<Evaluation> TorchEvaluator::Evaluate(const Program& program, const v1::Task& task,
                                                    int seed_index, Measure measure) {
  const Program* const programs[] = {&program};
  const int seeds[] = {seed_index};
  const PopulationRequest request = {
      .programs = programs, .task = task, .seeds = seeds, .measure = measure};
  absl::Status status = CheckRequest(request);
  if (!status.ok()) return status;
  // Checks the task; changes nothing about a resolved one.
  absl::StatusOr<v1::Task> resolved = ResolveTask(task);
  if (!resolved.ok()) return resolved.status();
  if (resolved->has_mlp()) return EvaluateMlp(program, *resolved, seed_index, measure);
  absl::StatusOr<Evaluation> result;
  EvaluatePopulation(request, [&](size_t, absl::StatusOr<std::vector<Evaluation>> evaluations) {
    result =
        evaluations.ok() ? absl::StatusOr<Evaluation>(evaluations->front()) : evaluations.status();
  });
  return result;
}

absl::StatusOr<Evaluation> TorchEvaluator::EvaluateMlp(const Program& program, const v1::Task& task,
                                                       int seed_index, Measure measure) {
  return WithoutTorchExceptions([&]() -> absl::StatusOr<Evaluation> {
    auto problem = problems_.Get(task, seed_index);
    if (!problem.ok()) return problem.status();
    auto execution = executor_.Prepare(program, ParameterShapes(task));
    if (!execution.ok()) return execution.status();
    UseOneThread();
    const std::unique_lock<std::mutex> lock = LockUnlessBlasAllowsThreads();
    return Train(task, seed_index, **problem, **execution, measure);
  });
}

void TorchEvaluator::EvaluatePopulation(const PopulationRequest& request,
                                        const OnEvaluations& on_evaluations) {
  const absl::StatusOr<v1::Task> task = ResolveTask(request.task);
  if (task.ok() && task->has_mlp()) return Evaluator::EvaluatePopulation(request, on_evaluations);
  absl::Status status = task.status();
  status.Update(CheckRequest(request));
  if (!status.ok()) {
    for (size_t i = 0; i < request.programs.size(); ++i) on_evaluations(i, status);
    return;
  }
  UseOneThread();
  const TrainPrograms train = [&](int seed, const Problem& problem,
                                  std::span<Execution* const> executions) {
    return WithoutTorchExceptions([&]() -> absl::StatusOr<std::vector<Evaluation>> {
      const std::unique_lock<std::mutex> lock = LockUnlessBlasAllowsThreads();
      NetworkPopulation models(MakeNetwork(*task), static_cast<int>(executions.size()), problem);
      return TrainInStep(*task, seed, problem, executions, request.measure, models);
    });
  };
  const TileMeans means = {.executor = executor_, .problems = problems_, .train = train};
  const auto most = static_cast<size_t>(PopulationSize());
  for (size_t i = 0; i < request.programs.size(); i += most) {
    TrainTile(means, request, *task, i, std::min(most, request.programs.size() - i),
              on_evaluations);
  }
}

}  // namespace lathe
