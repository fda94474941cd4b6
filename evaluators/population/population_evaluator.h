// The evaluator of this machine's processor: populations of multi-layer perceptrons, trained side
// by side by loops of our own. The same bits whatever the width of the machine's registers and the
// number of threads.
//
//   PopulationEvaluator evaluator("/usr/share/lathe/data", {.threads = 2});
//   evaluator.EvaluatePopulation({.programs = programs, .task = task, .seeds = {0, 1, 2, 3}},
//   take);
#ifndef LATHE_EVALUATORS_POPULATION_POPULATION_EVALUATOR_H_
#define LATHE_EVALUATORS_POPULATION_POPULATION_EVALUATOR_H_

#include <memory>
#include <string>

#include "dsl/vm/kernels.h"
#include "evaluators/evaluator.h"
#include "evaluators/population/kernels.h"
#include "evaluators/problem_cache.h"

namespace lathe {

struct PopulationEvaluatorOptions {
  // On which models are trained at a time, the calling thread among them; at most one per core.
  int threads = 1;
  const PopulationKernels* kernels = &AvailablePopulationKernels().front();
};

// Thread-safe; calls from several threads each use so many.
class PopulationEvaluator : public Evaluator {
 public:
  explicit PopulationEvaluator(std::string data_directory, PopulationEvaluatorOptions options = {});
  ~PopulationEvaluator() override;

  std::string NumericClass() const override;
  int PopulationSize() const override;
  absl::Status Check(const v1::Task& task) override;
  DatasetSurvey Datasets() override { return problems_.Survey(); }
  absl::StatusOr<Evaluation> Evaluate(const Program& program, const v1::Task& task, int seed_index,
                                      Measure measure) override;
  void EvaluatePopulation(const PopulationRequest& request,
                          const OnEvaluations& on_evaluations) override;

 private:
  const PopulationEvaluatorOptions options_;
  std::unique_ptr<const Executor> executor_;
  ProblemCache problems_;
};

}  // namespace lathe

#endif  // LATHE_EVALUATORS_POPULATION_POPULATION_EVALUATOR_H_
