#include "search/study.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "search/testing/small_study.h"

namespace lathe {
namespace {

// The parts of a study that a request belongs to, by its seeds.
enum Part { kSearch, kRescore, kTune, kCompare };
Part PartOf(const EvaluationRequest& request) {
  const int first = request.seeds.front();
  const Part part = first >= kFinalSeedBase    ? kCompare
                    : first >= kTuningSeedBase ? kTune
                    : first >= kWinnerSeedBase ? kRescore
                                               : kSearch;
  return part;
}

TEST(StudyTest, AsksPartAfterPartAndSharesNoSeedBetweenThem) {
  const RanStudy run = RunStudy(SmallStudy(), CompletionOrder::Random(1), SyntheticEvaluation);
  std::map<Part, int> requests;
  std::map<int, std::set<Part>> parts_of_seed;
  Part last = kSearch;
  for (const EvaluationRequest& request : run.requests) {
    const Part part = PartOf(request);
    EXPECT_GE(part, last);
    last = part;
    ++requests[part];
    for (int seed : request.seeds) parts_of_seed[seed].insert(part);
    EXPECT_EQ(request.measure_test, part == kCompare);
    EXPECT_EQ(request.stop_at_divergence, part == kSearch);
    const std::map<Part, size_t> seeds = {{kSearch, 2}, {kRescore, 4}, {kTune, 3}, {kCompare, 6}};
    EXPECT_EQ(request.seeds.size(), seeds.at(part));
  }
  for (const auto& [seed, parts] : parts_of_seed) EXPECT_EQ(parts.size(), 1u) << seed;
  EXPECT_EQ(requests[kSearch],
            static_cast<int>(kSearchBudget));  // the control's, at the same budget
  EXPECT_EQ(requests[kRescore], 2 * 5);
  EXPECT_EQ(requests[kTune], 2 * 4 * 6);  // arenas, methods, points
  EXPECT_EQ(requests[kCompare], 2 * 4);
}

TEST(StudyTest, EveryMethodGetsAsManyPoints) {
  const RanStudy run = RunStudy(SmallStudy(), CompletionOrder::FirstFirst(), SyntheticEvaluation);
  ASSERT_EQ(run.report.arenas.size(), 2u);
  for (const ArenaResult& arena : run.report.arenas) {
    ASSERT_EQ(arena.methods.size(), 4u);
    EXPECT_EQ(arena.baselines, 2);
    std::vector<std::string> names;
    for (const MethodResult& method : arena.methods) {
      EXPECT_EQ(method.grid_points, 6);
      names.push_back(method.name);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"found", "lion", "sgd", "random"}));
  }
}

void ExpectEqual(const Summary& a, const Summary& b) {
  auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  EXPECT_EQ(a.failures, b.failures);
  EXPECT_TRUE(same(a.mean, b.mean) && same(a.median, b.median));
}

TEST(StudyTest, DoesNotDependOnTheOrderOfCompletions) {
  const RanStudy run = RunStudy(SmallStudy(), CompletionOrder::FirstFirst(), SyntheticEvaluation);
  for (CompletionOrder order : {CompletionOrder::LastFirst(), CompletionOrder::Random(1)}) {
    const RanStudy other = RunStudy(SmallStudy(), order, SyntheticEvaluation);
    EXPECT_EQ(run.found->text, other.found->text);
    for (size_t a = 0; a < 2; ++a) {
      for (size_t m = 0; m < 4; ++m) {
        const MethodResult& x = run.report.arenas[a].methods[m];
        const MethodResult& y = other.report.arenas[a].methods[m];
        EXPECT_EQ(x.setting, y.setting);
        ExpectEqual(x.test_loss, y.test_loss);
        EXPECT_EQ(x.loss_difference.p_value, y.loss_difference.p_value);
      }
    }
  }
}

TEST(StudyTest, ChoosesTheWinnerOnFreshSeedsFailuresFirst) {
  const StudyOptions options = SmallStudy();
  auto main = MakeSearch(1, kSearchBudget);
  RunToEnd(*main, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  const auto best = main->Best(5);
  const RanStudy run =
      RunStudy(options, CompletionOrder::LastFirst(), [&](const EvaluationRequest& request) {
        EvaluationResult result = Ones(request);
        // The second has the lowest mean, but fails once; the fourth is the best of those that do
        // not.
        if (request.program->text == best[1]->canonical->text) {
          for (SeedScore& score : result) score.objective = 0.1;
          result.back().diverged = true;
        }
        if (request.program->text == best[3]->canonical->text) {
          for (SeedScore& score : result) score.objective = 0.9;
        }
        return result;
      });
  EXPECT_EQ(run.report.searches[0].chosen, 3);
  EXPECT_EQ(run.found->text, best[3]->canonical->text);
  EXPECT_EQ(run.report.searches[0].winners[1].fresh.failures, 1);
  EXPECT_DOUBLE_EQ(run.report.searches[0].winners[3].fresh.mean, 0.9);
}

TEST(StudyTest, TunesOnTheValidationSplitAlone) {
  const RanStudy run =
      RunStudy(SmallStudy(), CompletionOrder::FirstFirst(), [](const EvaluationRequest& request) {
        EvaluationResult result = Ones(request);
        // Validation likes 0.2 on the first arena and 0.4 on the second; the test split likes 0.1.
        const double liked = request.arena == 0 ? 0.2 : 0.4;
        for (SeedScore& score : result) {
          if (request.base_lr == liked) score.objective = 0.5;
          score.test_loss = request.base_lr == 0.1 ? 0.1 : 0.7;
        }
        return result;
      });
  for (int method : {1, 2}) {
    EXPECT_EQ(run.report.arenas[0].methods[method].base_lr, 0.2);
    EXPECT_EQ(run.report.arenas[1].methods[method].base_lr, 0.4);
    EXPECT_DOUBLE_EQ(run.report.arenas[0].methods[method].test_loss.mean, 0.7);
  }
  EXPECT_EQ(run.report.arenas[0].methods[1].setting, "base_lr 0.2, weight_decay 0");
  EXPECT_FALSE(run.report.arenas[0].methods[1].on_grid_edge);
  EXPECT_TRUE(run.report.arenas[1].methods[1].on_grid_edge);   // 0.4 of 0.1, 0.2, 0.4
  EXPECT_FALSE(run.report.arenas[1].methods[2].on_grid_edge);  // 0.4 of 0.1 ... 0.6
}

TEST(StudyTest, TheSameSeedsMeetInEveryPair) {
  // The losses of a seed differ from another seed's by far more than methods differ.
  const RanStudy run =
      RunStudy(SmallStudy(), CompletionOrder::Random(3), [&](const EvaluationRequest& request) {
        EvaluationResult result = Ones(request);
        for (size_t i = 0; i < result.size(); ++i) {
          result[i].test_loss = 100.0 * request.seeds[i] + (request.base_lr ? 0.25 : 0);
          result[i].test_error = request.base_lr ? 0.75 : 0.5;
        }
        return result;
      });
  const MethodResult& lion = run.report.arenas[0].methods[1];
  EXPECT_EQ(lion.loss_difference.pairs, 6);
  EXPECT_NEAR(lion.loss_difference.mean_difference, -0.25, 1e-9);
  EXPECT_NEAR(lion.loss_difference.high, -0.25, 1e-9);
  EXPECT_EQ(lion.loss_difference.wins, 6);
  EXPECT_DOUBLE_EQ(lion.loss_difference.p_value, std::pow(0.5, 5));
  EXPECT_DOUBLE_EQ(lion.error_difference.mean_difference, -0.25);
  EXPECT_EQ(run.report.arenas[0].methods[3].loss_difference.wins, 0);
  EXPECT_EQ(VerdictOf(run.report.arenas[0]), Verdict::kBetter);
}

TEST(StudyTest, ASearchThatFoundNothingHasNoArenas) {
  auto main = MakeSearch(1, 5);
  RunToEnd(*main, CompletionOrder::FirstFirst(), [](const EvaluationRequest& request) {
    return EvaluationResult(request.seeds.size(), SeedScore{true, 0, 0, 0});
  });
  Study study(SmallStudy(), *main, {});
  EXPECT_TRUE(std::holds_alternative<Done>(study.Next()));
  EXPECT_TRUE(study.Report().arenas.empty());
  EXPECT_EQ(study.Found(), nullptr);
}

}  // namespace
}  // namespace lathe
