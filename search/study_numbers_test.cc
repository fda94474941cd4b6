// Every number of a report against one computed here, by other means, from the same evaluations.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "search/study_programs.h"
#include "search/testing/small_study.h"

namespace lathe {
namespace {

// Synthetic scores of which one in seven diverges, whatever the other seeds of a program do.
EvaluationResult Flaky(const EvaluationRequest& request) {
  EvaluationRequest all = request;
  all.stop_at_divergence = false;
  EvaluationResult result = SyntheticEvaluation(all);
  for (size_t i = 0; i < result.size(); ++i) {
    result[i].diverged = SyntheticUniform(request.program->text, request.arena,
                                          request.base_lr.value_or(-1), request.seeds[i], 9) < 0.15;
  }
  return result;
}

// What a study is expected to ask for, and what comes of it.
struct Tried {
  Program program;
  std::optional<double> base_lr;
  std::string setting;
};

EvaluationResult Scores(const Tried& tried, int arena, int first_seed, int seeds) {
  EvaluationRequest request;
  request.program = std::make_shared<const CanonicalForm>(MakeCanonical(tried.program));
  request.arena = arena;
  request.base_lr = tried.base_lr;
  for (int i = 0; i < seeds; ++i) request.seeds.push_back(first_seed + i);
  request.measure_test = first_seed == 30000;
  return Flaky(request);
}

int Failures(const EvaluationResult& result) {
  int failures = 0;
  for (const SeedScore& score : result) failures += score.diverged;
  return failures;
}

double MeanOf(const EvaluationResult& result, double SeedScore::*value) {
  double total = 0;
  for (const SeedScore& score : result) total += score.diverged ? 0 : score.*value;
  return total / static_cast<double>(result.size() - Failures(result));
}

// The first with the fewest failures and among these the lowest mean.
size_t BestOf(const std::vector<Tried>& tried, int arena, int first_seed, int seeds) {
  size_t best = 0;
  auto quality = [&](size_t i) {
    const EvaluationResult result = Scores(tried[i], arena, first_seed, seeds);
    const double mean = MeanOf(result, &SeedScore::objective);
    return std::pair(Failures(result), std::isnan(mean) ? INFINITY : mean);
  };
  for (size_t i = 1; i < tried.size(); ++i) {
    if (quality(i) < quality(best)) best = i;
  }
  return best;
}

std::vector<Tried> GridOfFound(const Program& program) {
  std::vector<Tried> grid;
  for (double scale : {0.5, 1.0, 2.0}) {
    for (double decay : {0.0, 0.01}) {
      grid.push_back({ScaleAndDecay(program, scale, decay), std::nullopt,
                      absl::StrCat("update x ", scale, ", decay ", decay)});
    }
  }
  return grid;
}

// The grids of SmallStudy's baselines.
std::vector<Tried> GridOfLion() {
  std::vector<Tried> grid;
  for (double base_lr : {0.1, 0.2, 0.4}) {
    for (double decay : {0.0, 0.5}) {
      Program program = KnownProgram("lion").value();
      program.hypers[2].value = decay;
      grid.push_back(
          {program, base_lr, absl::StrCat("base_lr ", base_lr, ", weight_decay ", decay)});
    }
  }
  return grid;
}

std::vector<Tried> GridOfSgd() {
  std::vector<Tried> grid;
  for (double base_lr : {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}) {
    grid.push_back({KnownProgram("sgd").value(), base_lr, absl::StrCat("base_lr ", base_lr)});
  }
  return grid;
}

// The winners of a search, re-scored: the chosen one is returned.
Program CheckRescoring(const SearchSummary& summary, const Trajectory& search) {
  const auto best = search.Best(5);
  EXPECT_EQ(summary.proposed, search.Count().proposed);
  EXPECT_EQ(summary.evaluated, kSearchBudget);
  EXPECT_EQ(summary.winners.size(), best.size());
  std::vector<Tried> tried;
  for (size_t i = 0; i < best.size(); ++i) {
    tried.push_back({best[i]->canonical->program, std::nullopt, ""});
    const RescoredWinner& winner = summary.winners[i];
    EXPECT_EQ(winner.candidate, best[i]->index);
    EXPECT_EQ(winner.search_objective, best[i]->objective);
    const EvaluationResult fresh = Scores(tried[i], 0, 10000, 4);
    EXPECT_EQ(winner.fresh.runs, 4);
    EXPECT_EQ(winner.fresh.failures, Failures(fresh));
    EXPECT_DOUBLE_EQ(winner.fresh.mean, MeanOf(fresh, &SeedScore::objective));
  }
  const size_t chosen = BestOf(tried, 0, 10000, 4);
  EXPECT_EQ(summary.chosen, static_cast<int>(chosen)) << summary.name;
  return tried[chosen].program;
}

Tried CheckTuning(const MethodResult& method, const std::vector<Tried>& grid, int arena) {
  const Tried& best = grid[BestOf(grid, arena, 20000, 3)];
  EXPECT_EQ(method.setting, best.setting);
  EXPECT_EQ(method.base_lr, best.base_lr.value_or(0));
  EXPECT_EQ(method.program->text, MakeCanonical(best.program).text);
  EXPECT_EQ(method.grid_points, 6);
  const EvaluationResult tuning = Scores(best, arena, 20000, 3);
  EXPECT_EQ(method.tuning.failures, Failures(tuning));
  EXPECT_DOUBLE_EQ(method.tuning.mean, MeanOf(tuning, &SeedScore::objective));
  return best;
}

// The found program's scores minus the method's, over the seeds on which both ran through.
double MeanDifference(const EvaluationResult& found, const EvaluationResult& method,
                      double SeedScore::*value) {
  double total = 0;
  int pairs = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].diverged || method[i].diverged) continue;
    total += found[i].*value - method[i].*value;
    ++pairs;
  }
  return total / pairs;
}

TEST(StudyNumbers, AreThoseOfItsEvaluations) {
  auto main = MakeSearch(1, kSearchBudget);
  RunToEnd(*main, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  auto control = MakeSearch(2, kSearchBudget);
  RunToEnd(*control, CompletionOrder::FirstFirst(), Flaky);
  const RanStudy run = RunStudy(SmallStudy(), CompletionOrder::Random(5), Flaky);
  ASSERT_EQ(run.report.searches.size(), 2u);
  const Program found = CheckRescoring(run.report.searches[0], *main);
  const Program other = CheckRescoring(run.report.searches[1], *control);
  EXPECT_EQ(run.found->text, MakeCanonical(found).text);
  const std::vector<std::vector<Tried>> grids = {GridOfFound(found), GridOfLion(), GridOfSgd(),
                                                 GridOfFound(other)};
  ASSERT_EQ(run.report.arenas.size(), 2u);
  int failures = 0;
  for (int a = 0; a < 2; ++a) {
    const ArenaResult& arena = run.report.arenas[a];
    ASSERT_EQ(arena.methods.size(), grids.size());
    EvaluationResult of_found;
    for (size_t m = 0; m < grids.size(); ++m) {
      SCOPED_TRACE(absl::StrCat("arena ", a, ", method ", arena.methods[m].name));
      const MethodResult& method = arena.methods[m];
      const EvaluationResult final = Scores(CheckTuning(method, grids[m], a), a, 30000, 6);
      EXPECT_EQ(method.test_loss.runs, 6);
      EXPECT_EQ(method.test_loss.failures, Failures(final));
      EXPECT_DOUBLE_EQ(method.test_loss.mean, MeanOf(final, &SeedScore::test_loss));
      EXPECT_DOUBLE_EQ(method.test_error.mean, MeanOf(final, &SeedScore::test_error));
      failures += Failures(final);
      if (m == 0) {
        of_found = final;
        EXPECT_EQ(method.loss_difference.pairs, 0);
        continue;
      }
      EXPECT_NEAR(method.loss_difference.mean_difference,
                  MeanDifference(of_found, final, &SeedScore::test_loss), 1e-12);
      EXPECT_NEAR(method.error_difference.mean_difference,
                  MeanDifference(of_found, final, &SeedScore::test_error), 1e-12);
    }
  }
  EXPECT_GT(failures, 0) << "no failure was ever compared";
}

}  // namespace
}  // namespace lathe
