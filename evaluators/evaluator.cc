#include "evaluators/evaluator.h"

namespace lathe {

void Evaluator::EvaluatePopulation(const PopulationRequest& request,
                                   const OnEvaluations& on_evaluations) {
  for (size_t i = 0; i < request.programs.size(); ++i) {
    std::vector<Evaluation> evaluations;
    absl::Status status;
    for (const int seed : request.seeds) {
      auto evaluation = Evaluate(*request.programs[i], request.task, seed, request.measure);
      status = evaluation.status();
      if (!status.ok()) break;
      evaluations.push_back(*evaluation);
      if (evaluation->diverged && request.stop_at_divergence) break;
    }
    if (status.ok()) {
      on_evaluations(i, std::move(evaluations));
    } else {
      on_evaluations(i, std::move(status));
    }
  }
}

}  // namespace lathe
