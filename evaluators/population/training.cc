#include "evaluators/population/training.h"

#include <algorithm>
#include <optional>

#include "evaluators/population/mlp_population.h"
#include "evaluators/task/task.h"
#include "evaluators/task/task_cost.h"
#include "evaluators/train_in_step.h"

namespace lathe {
namespace {

// Of the second-level cache, less than many machines have; and what a parameter takes with its
// states, of which programs have two or three.
constexpr double kCacheBytes = 384 << 10, kBytesOfParameter = 16;

// The models with the data that they are trained and scored on.
class Mlps : public ModelPopulation {
 public:
  // The test split is made ready only if it is measured.
  Mlps(const v1::Task& task, const Problem& problem, int models, Measure measure,
       const PopulationKernels& kernels)
      : problem_(problem),
        models_(ParameterShapes(task), static_cast<int>(task.batch()), models, kernels),
        validation_(problem.validation, kernels) {
    if (measure == Measure::kValidationAndTest) test_.emplace(problem.test, kernels);
  }

  std::span<float> Parameters(int model) override { return models_.Parameters(model); }
  std::span<float> Gradient() override { return models_.Gradient(); }
  std::span<const size_t> Offsets() const override { return models_.Offsets(); }
  void Load(int model, std::span<const float> values) override { models_.Load(model, values); }
  void TakeBatch(std::span<const int> rows) override { models_.TakeBatch(problem_.train, rows); }
  double ForwardBackward(int model) override { return models_.ForwardBackward(model); }
  SplitScore Score(int model, Split split) override {
    return models_.Score(model, split == Split::kValidation ? validation_ : *test_);
  }

 private:
  const Problem& problem_;
  MlpPopulation models_;
  const ExampleBlocks validation_;
  std::optional<ExampleBlocks> test_;
};

}  // namespace

int ModelsInStep(const v1::Task& task) {
  const double fit = kCacheBytes / (kBytesOfParameter * CountTaskCost(task).parameters);
  return static_cast<int>(std::clamp<double>(fit, 1, kMostInStep));
}

absl::StatusOr<std::vector<Evaluation>> TrainMlps(const v1::Task& task, int seed_index,
                                                  const Problem& problem,
                                                  std::span<Execution* const> executions,
                                                  Measure measure,
                                                  const PopulationKernels& kernels) {
  Mlps models(task, problem, static_cast<int>(executions.size()), measure, kernels);
  return TrainInStep(task, seed_index, problem, executions, measure, models);
}

}  // namespace lathe
