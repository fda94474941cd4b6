#include "evaluators/evaluator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "evaluators/task/model.h"

namespace lathe {

absl::Status CheckRequest(const PopulationRequest& request) {
  for (const Program* program : request.programs) {
    if (program->signature != &OptimizerSignature()) {
      return absl::InvalidArgumentError("the program is not an optimizer");
    }
  }
  for (const int seed : request.seeds) {
    if (seed >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("seed index ", seed, " is below 0"));
  }
  return absl::OkStatus();
}

absl::Status CheckModel(const v1::Task& task, const Evaluator& evaluator) {
  const std::string model(ModelName(task));
  const std::vector<std::string> trained = evaluator.Models();
  if (std::ranges::find(trained, model) != trained.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "task.", model, ": is trained by lathe-evaluator-torch, which lathe run starts by itself; ",
      "this evaluator trains ", absl::StrJoin(trained, ", ")));
}

DatasetSurvey Evaluator::Datasets() {
  DatasetSurvey survey;
  for (const auto& [name, data] : ShippedDatasets()) {
    v1::Task task;
    task.set_dataset(name);
    const absl::Status status = Check(task);
    if (status.ok()) {
      survey.whole[name] = data;
    } else {
      survey.problems[name] = std::string(status.message());
    }
  }
  return survey;
}

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
