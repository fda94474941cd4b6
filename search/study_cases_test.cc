// What a study makes of grids, failures and searches that are out of the ordinary.
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "search/study_programs.h"
#include "search/testing/small_study.h"

namespace lathe {
namespace {

// A study whose evaluations score 1, except that `better` says so.
RanStudy RunWith(const StudyOptions& options,
                 const std::function<void(const EvaluationRequest&, EvaluationResult&)>& change) {
  return RunStudy(options, CompletionOrder::LastFirst(), [&](const EvaluationRequest& request) {
    EvaluationResult result = Ones(request);
    change(request, result);
    return result;
  });
}

void SetObjectives(EvaluationResult& result, double objective) {
  for (SeedScore& score : result) score.objective = objective;
}

bool IsTuning(const EvaluationRequest& request) {
  return request.seeds.front() >= kTuningSeedBase && request.seeds.front() < kFinalSeedBase;
}

struct EdgeCase {
  std::vector<double> base_lr, weight_decay;
  double best_lr, best_decay;
  bool on_edge;
};

// Grids need not ascend, and no decay at all has nothing below it.
TEST(StudyCases, TheEdgeOfABaselinesGrid) {
  const EdgeCase cases[] = {
      {{0.1, 0.2, 0.4}, {0, 0.5, 1}, 0.2, 0.5, false},
      {{0.1, 0.2, 0.4}, {0, 0.5, 1}, 0.2, 0, false},
      {{0.1, 0.2, 0.4}, {0, 0.5, 1}, 0.2, 1, true},
      {{0.1, 0.2, 0.4}, {0, 0.5, 1}, 0.1, 0, true},
      {{0.1, 0.2, 0.4}, {0, 0.5, 1}, 0.4, 0.5, true},
      {{0.4, 0.1, 0.2}, {0.5}, 0.4, 0.5, true},
      {{0.4, 0.1, 0.2}, {0.5}, 0.1, 0.5, true},
      {{0.4, 0.1, 0.2}, {0.5}, 0.2, 0.5, false},
      {{0.1}, {1, 0.5, 0}, 0.1, 0, false},
      {{0.1}, {1, 0.5, 0}, 0.1, 1, true},
      {{0.1}, {0.5, 1, 2}, 0.1, 0.5, true},
      {{0.1}, {0.5}, 0.1, 0.5, false},
  };
  for (const EdgeCase& c : cases) {
    StudyOptions options = SmallStudy();
    options.baselines = {{"lion", *KnownProgram("lion"), c.base_lr, c.weight_decay}};
    const std::string liked =
        MakeCanonical(*WithHyper(*KnownProgram("lion"), "weight_decay", c.best_decay)).text;
    const RanStudy run = RunWith(options, [&](const EvaluationRequest& request, auto& result) {
      if (request.program->text == liked && request.base_lr == c.best_lr)
        SetObjectives(result, 0.5);
    });
    const MethodResult& lion = run.report.arenas[0].methods[1];
    const std::string what = absl::StrCat("base_lr ", c.best_lr, ", weight_decay ", c.best_decay);
    EXPECT_EQ(lion.setting, what);
    EXPECT_EQ(lion.on_grid_edge, c.on_edge)
        << what << " of " << c.base_lr.size() << " and " << c.weight_decay.size();
    EXPECT_EQ(lion.grid_points, static_cast<int>(c.base_lr.size() * c.weight_decay.size()));
  }
}

TEST(StudyCases, TheEdgeOfAFoundProgramsGrid) {
  const std::shared_ptr<const CanonicalForm> found =
      RunWith(SmallStudy(), [](auto&, auto&) {}).found;
  const EdgeCase cases[] = {
      {{0.5, 1, 2}, {0, 0.1, 0.2}, 1, 0, false},    {{0.5, 1, 2}, {0, 0.1, 0.2}, 1, 0.1, false},
      {{0.5, 1, 2}, {0, 0.1, 0.2}, 1, 0.2, true},   {{0.5, 1, 2}, {0, 0.1, 0.2}, 2, 0.1, true},
      {{2, 0.5, 1}, {0.2, 0.1, 0}, 1, 0, false},    {{2, 0.5, 1}, {0.2, 0.1, 0}, 1, 0.2, true},
      {{2, 0.5, 1}, {0.1, 0.2, 0.3}, 1, 0.1, true}, {{1}, {0}, 1, 0, false},
  };
  for (const EdgeCase& c : cases) {
    StudyOptions options = SmallStudy();
    options.scale = c.base_lr;
    options.decay = c.weight_decay;
    const std::string liked =
        MakeCanonical(ScaleAndDecay(found->program, c.best_lr, c.best_decay)).text;
    const RanStudy run = RunWith(options, [&](const EvaluationRequest& request, auto& result) {
      if (IsTuning(request) && request.program->text == liked) SetObjectives(result, 0.5);
    });
    const MethodResult& method = run.report.arenas[1].methods[0];
    EXPECT_EQ(method.setting, absl::StrCat("update x ", c.best_lr, ", decay ", c.best_decay));
    EXPECT_EQ(method.on_grid_edge, c.on_edge) << method.setting << " of " << c.base_lr.size();
    EXPECT_EQ(method.program->text, liked);
    EXPECT_EQ(method.base_lr, 0) << "a found program keeps the task's own rate";
  }
}

TEST(StudyCases, TuningPutsFailuresFirstAndTakesTheFirstOfEquals) {
  const RanStudy run = RunWith(SmallStudy(), [](const EvaluationRequest& request, auto& result) {
    if (!IsTuning(request)) return;
    if (request.base_lr == 0.1) {
      SetObjectives(result, 0.001);
      result[1].diverged = true;
    }
    if (request.base_lr == 0.2) SetObjectives(result, 0.9);
    if (request.base_lr == 0.4) SetObjectives(result, 0.9);
  });
  EXPECT_EQ(run.report.arenas[0].methods[1].setting, "base_lr 0.2, weight_decay 0");
  EXPECT_EQ(run.report.arenas[0].methods[2].setting, "base_lr 0.2");
  EXPECT_EQ(run.report.arenas[0].methods[0].setting, "update x 0.5, decay 0");
}

// A run may end with a validation loss and yet have none on the test split.
TEST(StudyCases, ATestLossThatIsNoneIsAFailure) {
  const RanStudy run = RunWith(SmallStudy(), [](const EvaluationRequest& request, auto& result) {
    if (!request.measure_test || !request.base_lr) return;
    result[0].test_loss = std::numeric_limits<double>::quiet_NaN();
    result[2].test_loss = std::numeric_limits<double>::infinity();
  });
  const MethodResult& lion = run.report.arenas[0].methods[1];
  EXPECT_EQ(lion.test_loss.failures, 2);
  EXPECT_EQ(lion.test_loss.mean, 1);
  EXPECT_EQ(lion.loss_difference.pairs, 4);
  EXPECT_EQ(lion.loss_difference.wins, 2);
  EXPECT_EQ(run.report.arenas[0].methods[0].test_loss.failures, 0);
}

TEST(StudyCases, ABaselineWithoutDecaysKeepsItsOwn) {
  StudyOptions options = SmallStudy();
  options.baselines = {{"lion", *KnownProgram("lion"), {0.1}, {}}};
  const RanStudy run = RunWith(options, [](auto&, auto&) {});
  const MethodResult& lion = run.report.arenas[0].methods[1];
  EXPECT_EQ(lion.program->text, MakeCanonical(*KnownProgram("lion")).text);
  EXPECT_EQ(lion.setting, "base_lr 0.1");
}

TEST(StudyCases, AControlThatFoundNothingIsShownAndNotCompared) {
  const RanStudy run = RunWith(SmallStudy(), [](const EvaluationRequest& request, auto& result) {
    if (request.stop_at_divergence) result = {{true, 0, 0, 0}};
  });
  ASSERT_EQ(run.report.searches.size(), 2u);
  EXPECT_EQ(run.report.searches[1].name, "random");
  EXPECT_EQ(run.report.searches[1].evaluated, kSearchBudget);
  EXPECT_TRUE(run.report.searches[1].winners.empty());
  ASSERT_EQ(run.report.arenas[0].methods.size(), 3u);
  EXPECT_EQ(run.report.arenas[0].methods[2].name, "sgd");
}

TEST(StudyCases, ThereMayBeFewerWinnersThanAskedFor) {
  StudyOptions options = SmallStudy();
  options.winners = 1000;
  const RanStudy run = RunWith(options, [](auto&, auto&) {});
  EXPECT_GT(run.report.searches[0].winners.size(), 5u);
  EXPECT_LE(run.report.searches[0].winners.size(), kSearchBudget);
  EXPECT_EQ(run.report.searches[1].winners.size(), kSearchBudget) << "nothing diverged there";
}

TEST(StudyCases, SaysHowFarItIs) {
  auto main = MakeSearch(1, kSearchBudget);
  RunToEnd(*main, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  std::vector<ControlSearch> controls;
  controls.push_back({"a", MakeSearch(2, 3)});
  controls.push_back({"b", MakeSearch(3, 3)});
  Study study(SmallStudy(), *main, std::move(controls));
  std::vector<std::string> phases;
  std::set<uint64_t> ids;
  while (true) {
    auto action = study.Next();
    const Study::Progress progress = study.CurrentProgress();
    if (phases.empty() || phases.back() != progress.phase) phases.push_back(progress.phase);
    EXPECT_TRUE(progress.total == 0 || progress.done < progress.total) << progress.phase;
    auto* evaluate = std::get_if<Study::Evaluate>(&action);
    if (evaluate == nullptr) break;
    const bool is_control = evaluate->request.stop_at_divergence;
    EXPECT_TRUE(is_control || ids.insert(evaluate->id).second) << evaluate->id;
    study.Complete(evaluate->id, Ones(evaluate->request));
  }
  EXPECT_EQ(phases, (std::vector<std::string>{"control a", "control b", "re-scoring", "tuning",
                                              "comparing", "done"}));
}

}  // namespace
}  // namespace lathe
