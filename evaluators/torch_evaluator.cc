#include "evaluators/torch_evaluator.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <gnu/libc-version.h>
#include <torch/version.h>

#include <mutex>
#include <new>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "evaluators/blas.h"
#include "evaluators/task/task.h"
#include "evaluators/training_run.h"

namespace lathe {
namespace {

// Goes up with every change after which a program may score otherwise.
constexpr int kEvaluatorVersion = 2;

// About a hundred problems of the size of the digits.
constexpr size_t kProblemCacheBytes = size_t{64} << 20;

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

// The one place where what torch throws becomes a status.
template <typename Function>
absl::StatusOr<Evaluation> WithoutExceptions(Function function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("torch: ", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace

TorchEvaluator::TorchEvaluator(std::string data_directory, const Executor& executor)
    : executor_(executor), problems_(std::move(data_directory), kProblemCacheBytes) {
  UseOneThread();
}

std::string TorchEvaluator::NumericClass() const {
  return absl::StrCat("lathe-", kEvaluatorVersion, "-torch-", TORCH_VERSION, "-", TorchKernels(),
                      "-", BlasName(), "-glibc-", gnu_get_libc_version(), "-",
                      std::string(executor_.Name()));
}

absl::Status TorchEvaluator::Check(const v1::Task& task) {
  absl::StatusOr<v1::Task> resolved = ResolveTask(task);
  if (!resolved.ok()) return resolved.status();
  return problems_.GetDataset(resolved->dataset()).status();
}

absl::StatusOr<Evaluation> TorchEvaluator::Evaluate(const Program& program, const v1::Task& task,
                                                    int seed_index, Measure measure) {
  if (program.signature != &OptimizerSignature()) {
    return absl::InvalidArgumentError("the program is not an optimizer");
  }
  if (seed_index < 0) {
    return absl::InvalidArgumentError(absl::StrCat("seed index ", seed_index, " is below 0"));
  }
  // Checks the task; changes nothing about a resolved one.
  absl::StatusOr<v1::Task> resolved = ResolveTask(task);
  if (!resolved.ok()) return resolved.status();
  return WithoutExceptions([&]() -> absl::StatusOr<Evaluation> {
    auto problem = problems_.Get(*resolved, seed_index);
    if (!problem.ok()) return problem.status();
    auto execution = executor_.Prepare(program, ParameterShapes(*resolved));
    if (!execution.ok()) return execution.status();
    UseOneThread();
    const std::unique_lock<std::mutex> lock = LockUnlessBlasAllowsThreads();
    return Train(*resolved, seed_index, **problem, **execution, measure);
  });
}

}  // namespace lathe
