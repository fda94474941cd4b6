// The evaluator that trains with torch's kernels on this machine's processor: convolutional nets,
// transformers and registered models by populations (see NetworkPopulation), multi-layer
// perceptrons one by one, as what others are compared with.
//
//   TorchEvaluator evaluator("/usr/share/lathe/data");
//   absl::StatusOr<Evaluation> e = evaluator.Evaluate(program, task, 0, Measure::kValidation);
#ifndef LATHE_EVALUATORS_TORCH_TORCH_EVALUATOR_H_
#define LATHE_EVALUATORS_TORCH_TORCH_EVALUATOR_H_

#include <string>
#include <vector>

#include "dsl/executor.h"
#include "dsl/vm/executor.h"
#include "evaluators/evaluator.h"
#include "evaluators/problem_cache.h"
#include "evaluators/torch/registered_modules.h"

namespace lathe {

// Thread-safe. An evaluation uses the calling thread alone; with a BLAS that only one thread may
// use (see BlasAllowsThreads) the evaluations of a process wait for each other.
//
// Sets the number of threads of torch and of the BLAS to 1 for the process (see torch_settings.h).
class TorchEvaluator : public Evaluator {
 public:
  // `executor` runs the programs and must outlive the evaluator.
  explicit TorchEvaluator(std::string data_directory, const Executor& executor = VmExecutor());

  std::string NumericClass() const override;
  std::vector<std::string> Models() const override {
    return {"mlp", "conv_net", "transformer", "torchscript"};
  }
  // Enough to share what is done once for a batch; more would fill the caches with parameters.
  int PopulationSize() const override { return 8; }
  absl::Status Check(const v1::Task& task) override;
  DatasetSurvey Datasets() override { return problems_.Survey(); }
  absl::StatusOr<Evaluation> Evaluate(const Program& program, const v1::Task& task, int seed_index,
                                      Measure measure) override;
  void EvaluatePopulation(const PopulationRequest& request,
                          const OnEvaluations& on_evaluations) override;

 private:
  absl::StatusOr<Evaluation> EvaluateMlp(const Program& program, const v1::Task& task,
                                         int seed_index, Measure measure);

  struct Together {
    const v1::Task& task;
    int seed;
    const Problem& problem;
    std::span<Execution* const> executions;
    Measure measure;
  };
  absl::StatusOr<std::vector<Evaluation>> TrainTogether(const Together& run);
  absl::StatusOr<std::vector<float>> SavedParameters(const v1::Task& task);

  const Executor& executor_;
  RegisteredModules modules_;
  ProblemCache problems_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TORCH_EVALUATOR_H_
