// A study small enough to run many times over: two searches at random, two baselines, two arenas.
#ifndef LATHE_SEARCH_TESTING_SMALL_STUDY_H_
#define LATHE_SEARCH_TESTING_SMALL_STUDY_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "dsl/known_programs.h"
#include "search/random_search.h"
#include "search/study.h"
#include "search/testing/completion_order.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {

inline std::unique_ptr<Trajectory> MakeSearch(uint64_t seed, uint64_t evaluations) {
  TrajectoryOptions options;
  options.max_evaluations = evaluations;
  options.evaluation_seeds = {0, 1};
  FilterOptions filters;
  filters.shapes = {{8, 8}};
  return std::make_unique<Trajectory>(
      options,
      std::make_unique<RandomSearch>(seed, OptimizerSignature(),
                                     SearchSpace::Default(OptimizerSignature()),
                                     RandomProgramSize()),
      Filters(filters));
}

inline StudyOptions SmallStudy() {
  StudyOptions options;
  options.arenas = {"own", "other"};
  options.seeds = 6;
  options.winners = 5;
  options.winner_seeds = 4;
  options.tuning_seeds = 3;
  options.baselines = {{"lion", *KnownProgram("lion"), {0.1, 0.2, 0.4}, {0, 0.5}},
                       {"sgd", *KnownProgram("sgd"), {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, {}}};
  options.scale = {0.5, 1, 2};
  options.decay = {0, 0.01};
  return options;
}

inline constexpr uint64_t kSearchBudget = 30;

struct RanStudy {
  std::vector<EvaluationRequest> requests;
  StudyReport report;
  std::shared_ptr<const CanonicalForm> found;
};

using SyntheticEvaluator = std::function<EvaluationResult(const EvaluationRequest&)>;

inline RanStudy RunStudy(const StudyOptions& options, CompletionOrder order,
                         const SyntheticEvaluator& evaluate) {
  auto main = MakeSearch(1, kSearchBudget);
  RunToEnd(*main, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  std::vector<ControlSearch> controls;
  controls.push_back({"random", MakeSearch(2, kSearchBudget)});
  Study study(options, *main, std::move(controls));
  RanStudy run;
  EXPECT_EQ(RunToEnd(study, order,
                     [&](const EvaluationRequest& request) {
                       run.requests.push_back(request);
                       return evaluate(request);
                     }),
            "study");
  run.report = study.Report();
  run.found = study.Found();
  return run;
}

// Everybody scores 1, except where a test says otherwise.
inline EvaluationResult Ones(const EvaluationRequest& request) {
  return EvaluationResult(request.seeds.size(), SeedScore{false, 1, 1, 0.5});
}

}  // namespace lathe

#endif  // LATHE_SEARCH_TESTING_SMALL_STUDY_H_
