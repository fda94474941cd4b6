#include "evaluators/torch/torch_evaluator.h"

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
#include "evaluators/datasets/without_exceptions.h"
#include "evaluators/program_tile.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/blas.h"
#include "evaluators/torch/network_population.h"
#include "evaluators/torch/torch_settings.h"
#include "evaluators/torch/torchscript_network.h"
#include "evaluators/torch/training_run.h"
#include "evaluators/train_in_step.h"

namespace lathe {
namespace {

// Goes up with every change after which a program may score otherwise.
constexpr int kEvaluatorVersion = 2;

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
    } catch (const std::runtime_error& error) {  // what a module raises
      return absl::InternalError(OneLineOf(error));
    } catch (const c10::Error& error) {
      return absl::InternalError(absl::StrCat("torch: ", OneLineOf(error)));
    }
  });
}

}  // namespace

TorchEvaluator::TorchEvaluator(std::string data_directory, const Executor& executor)
    : executor_(executor),
      modules_(data_directory),
      problems_(std::move(data_directory), ProblemCache::kDefaultBytes,
                [this](const v1::Task& task) { return SavedParameters(task); }) {
  UseTorchOnThisThread();
}

std::string TorchEvaluator::NumericClass() const {
  return absl::StrCat("lathe-", kEvaluatorVersion, "-torch-", TORCH_VERSION, "-", TorchKernels(),
                      "-", BlasName(), "-glibc-", gnu_get_libc_version(), "-",
                      std::string(executor_.Name()));
}

absl::Status TorchEvaluator::Check(const v1::Task& task) {
  if (absl::Status status = problems_.CheckData(task); !status.ok()) return status;
  const v1::Task resolved = ResolveTask(task).value();
  return resolved.has_torchscript() ? modules_.Get(resolved).status() : absl::OkStatus();
}

absl::StatusOr<std::vector<float>> TorchEvaluator::SavedParameters(const v1::Task& task) {
  const auto module = modules_.Get(task);
  if (!module.ok()) return module.status();
  return (*module)->ReadParameters();
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
    UseTorchOnThisThread();
    const std::unique_lock<std::mutex> lock = LockUnlessBlasAllowsThreads();
    return Train(task, seed_index, **problem, **execution, measure);
  });
}

absl::StatusOr<std::vector<Evaluation>> TorchEvaluator::TrainTogether(const Together& run) {
  return WithoutTorchExceptions([&]() -> absl::StatusOr<std::vector<Evaluation>> {
    std::shared_ptr<const TorchScriptModule> module;  // outlives the network
    std::unique_ptr<Network> network;
    if (run.task.has_torchscript()) {
      auto registered = modules_.Get(run.task);
      if (!registered.ok()) return registered.status();
      module = *std::move(registered);
      network = MakeTorchScriptNetwork(*module, run.task, run.seed);
    } else {
      network = run.task.has_conv_net() ? MakeConvNet(run.task) : MakeTransformer(run.task);
    }
    const std::unique_lock<std::mutex> lock = LockUnlessBlasAllowsThreads();
    NetworkPopulation models(std::move(network), static_cast<int>(run.executions.size()),
                             run.problem);
    return TrainInStep(run.task, run.seed, run.problem, run.executions, run.measure, models);
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
  UseTorchOnThisThread();
  const TrainPrograms train = [&](int seed, const Problem& problem,
                                  std::span<Execution* const> executions) {
    return TrainTogether({*task, seed, problem, executions, request.measure});
  };
  const TileMeans means = {.executor = executor_, .problems = problems_, .train = train};
  const auto most = static_cast<size_t>(PopulationSize());
  for (size_t i = 0; i < request.programs.size(); i += most) {
    TrainTile(means, request, *task, i, std::min(most, request.programs.size() - i),
              on_evaluations);
  }
}

}  // namespace lathe
