#include "search/spec/report.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "search/spec/build_search.h"
#include "search/spec/resolve_job.h"
#include "search/testing/completion_order.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

constexpr const char* kJob = R"(name: "small" seed: 5 window: 8 budget { evaluations: 60 }
    strategy { population: 20 tournament: 3 } study {
      seeds: 6 winners: 4 winner_seeds: 2 tuning_seeds: 2
      baselines { program: "adamw" base_lr: [0.01, 0.1] }
      grid { scale: [1, 2] }
      controls { name: "random" strategy { kind: RANDOM } }
      transfers { name: "longer" task { steps: 200 test_examples: 300 } } })";

v1::JobSpec Resolved(const std::string& text) {
  v1::JobSpec job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job)) << text;
  auto resolved = ResolveJob(job);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *std::move(resolved) : job;
}

// The same number, or none on both sides.
MATCHER_P(SameNumber, number, "") {
  return arg == number || (std::isnan(arg) && std::isnan(number));
}

class ReportTest : public testing::Test {
 protected:
  explicit ReportTest(const std::string& text = kJob)
      : job_(Resolved(text)), trajectory_(BuildTrajectory(job_)) {}

  void Search() { RunToEnd(*trajectory_, CompletionOrder::FirstFirst(), SyntheticEvaluation); }
  void Compare() {
    study_ = BuildStudy(job_, *trajectory_);
    RunToEnd(*study_, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  }

  v1::JobSpec job_;
  std::unique_ptr<Trajectory> trajectory_;
  std::unique_ptr<Study> study_;
};

TEST_F(ReportTest, OfASearchHandsOutItsBest) {
  Search();
  const v1::JobReport report = MakeReport(job_, *trajectory_, nullptr);
  const Trajectory::Winner& best = *trajectory_->Best(1)[0];
  EXPECT_EQ(report.display_name(), "small");
  EXPECT_EQ(report.seed(), 5u);
  EXPECT_EQ(report.trajectory_hash(), trajectory_->HashSoFar().Hex());
  EXPECT_EQ(report.best().candidate(), best.index);
  EXPECT_EQ(report.best().objective(), best.objective);
  EXPECT_EQ(report.best().program().text(), best.canonical->text);
  EXPECT_EQ(report.best().program().hash(), best.canonical->hash.Hex());
  EXPECT_EQ(report.found().SerializeAsString(), report.best().program().SerializeAsString());
  EXPECT_TRUE(report.found().setting().empty());
  EXPECT_FALSE(report.has_study());
}

TEST_F(ReportTest, CountsEveryProposal) {
  Search();
  const v1::CandidateCounts counts = MakeReport(job_, *trajectory_, nullptr).candidates();
  EXPECT_EQ(counts.evaluated(), 60u);
  EXPECT_EQ(counts.diverged(), trajectory_->Count().failed);
  EXPECT_EQ(counts.rejected().size(), static_cast<size_t>(kFilterCount));
  uint64_t accounted = counts.evaluated() + counts.duplicates();
  for (int i = 0; i < kFilterCount; ++i) {
    const uint64_t rejected = counts.rejected().at(std::string(kFilterNames[i]));
    EXPECT_EQ(rejected, trajectory_->Count().rejected[i]);
    accounted += rejected;
  }
  EXPECT_EQ(counts.proposed(), accounted);
}

TEST_F(ReportTest, ImprovementsDescendToTheBest) {
  Search();
  const v1::JobReport report = MakeReport(job_, *trajectory_, nullptr);
  ASSERT_GT(report.improvements_size(), 1);
  for (int i = 1; i < report.improvements_size(); ++i) {
    EXPECT_GT(report.improvements(i).slot(), report.improvements(i - 1).slot());
    EXPECT_LT(report.improvements(i).objective(), report.improvements(i - 1).objective());
  }
  const v1::Improvement& last = *report.improvements().rbegin();
  EXPECT_EQ(last.objective(), report.best().objective());
  EXPECT_EQ(trajectory_->Candidates()[last.slot()].index, report.best().candidate());
}

TEST_F(ReportTest, OfAStudyHandsOutWhatItsTableScores) {
  Search();
  Compare();
  const v1::JobReport report = MakeReport(job_, *trajectory_, study_.get());
  const v1::StudyReport& study = report.study();
  EXPECT_EQ(study.seeds(), 6);
  ASSERT_EQ(study.searches_size(), 2);
  EXPECT_EQ(study.searches(1).name(), "random");
  EXPECT_EQ(study.searches(0).winners_size(), 4);
  EXPECT_EQ(study.searches(0).winners(0).candidate(), report.best().candidate());
  EXPECT_EQ(study.searches(0).winners(0).fresh().runs(), 2);
  ASSERT_EQ(study.arenas_size(), 2);
  const v1::MethodResult& found = study.arenas(0).methods(0);
  EXPECT_EQ(report.found().text(), found.program());
  EXPECT_EQ(report.found().hash(), found.program_hash());
  EXPECT_EQ(report.found().setting(), found.setting());
  EXPECT_FALSE(found.setting().empty());
}

TEST_F(ReportTest, OfAStudyHasTheNumbersOfEachMethod) {
  Search();
  Compare();
  const v1::StudyReport study = MakeReport(job_, *trajectory_, study_.get()).study();
  const StudyReport& numbers = study_->Report();
  EXPECT_EQ(study.arenas(0).test_examples(), 400);
  EXPECT_EQ(study.arenas(1).test_examples(), 300);
  EXPECT_EQ(study.arenas(1).name(), "longer");
  for (int a = 0; a < study.arenas_size(); ++a) {
    EXPECT_EQ(study.arenas(a).verdict(), VerdictText(numbers.arenas[a]));
    EXPECT_EQ(study.arenas(a).controls(), ControlText(numbers.arenas[a]));
    ASSERT_EQ(study.arenas(a).methods_size(), 3);
    for (int m = 0; m < 3; ++m) {
      const v1::MethodResult& message = study.arenas(a).methods(m);
      const MethodResult& method = numbers.arenas[a].methods[m];
      EXPECT_EQ(message.name(), method.name);
      EXPECT_EQ(message.program(), method.program->text);
      EXPECT_EQ(message.grid_points(), method.grid_points);
      EXPECT_EQ(message.on_grid_edge(), method.on_grid_edge);
      EXPECT_EQ(message.has_base_lr(), m == 1);
      EXPECT_THAT(message.tuning().mean(), SameNumber(method.tuning.mean));
      EXPECT_EQ(message.test_loss().median(), method.test_loss.median);
      EXPECT_EQ(message.test_loss().failures(), method.test_loss.failures);
      EXPECT_THAT(message.test_error().standard_deviation(),
                  SameNumber(method.test_error.standard_deviation));
      ASSERT_EQ(message.has_loss_difference(), m > 0);
      ASSERT_EQ(message.has_error_difference(), m > 0);
      if (m == 0) continue;
      EXPECT_EQ(message.loss_difference().wins(), method.loss_difference.wins);
      EXPECT_EQ(message.loss_difference().losses(), method.loss_difference.losses);
      EXPECT_THAT(message.loss_difference().low(), SameNumber(method.loss_difference.low));
      EXPECT_THAT(message.loss_difference().high(), SameNumber(method.loss_difference.high));
      EXPECT_THAT(message.loss_difference().effect_size(),
                  SameNumber(method.loss_difference.effect_size));
      EXPECT_EQ(message.loss_difference().p_value(), method.loss_difference.p_value);
      EXPECT_THAT(message.error_difference().mean_difference(),
                  SameNumber(method.error_difference.mean_difference));
    }
  }
}

TEST_F(ReportTest, ProgressFollowsThePhases) {
  v1::JobProgress progress = ProgressOf(job_, *trajectory_, nullptr);
  EXPECT_EQ(progress.phase(), "search");
  EXPECT_EQ(progress.done(), 0u);
  EXPECT_EQ(progress.total(), 60u);
  EXPECT_FALSE(progress.has_best());
  Search();
  progress = ProgressOf(job_, *trajectory_, nullptr);
  EXPECT_EQ(progress.done(), 60u);
  EXPECT_EQ(progress.candidates().evaluated(), 60u);
  study_ = BuildStudy(job_, *trajectory_);
  std::vector<std::string> phases;
  RunToEnd(*study_, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
    const v1::JobProgress now = ProgressOf(job_, *trajectory_, study_.get());
    EXPECT_EQ(now.candidates().evaluated(), 60u);
    EXPECT_EQ(now.best().objective(), progress.best().objective());
    EXPECT_LE(now.done(), now.total());
    if (phases.empty() || phases.back() != now.phase()) phases.push_back(now.phase());
    return SyntheticEvaluation(request);
  });
  EXPECT_EQ(phases,
            (std::vector<std::string>{"control random", "re-scoring", "tuning", "comparing"}));
  progress = ProgressOf(job_, *trajectory_, study_.get());
  EXPECT_EQ(progress.phase(), "comparing");
  EXPECT_EQ(progress.done(), progress.total());
}

TEST(ReportOfNothingTest, HasNoBest) {
  const v1::JobSpec job = Resolved("name: 'none' budget { evaluations: 5 } study {}");
  auto trajectory = BuildTrajectory(job);
  auto diverge = [](const EvaluationRequest&) { return EvaluationResult{{true, 0, 0, 0}}; };
  RunToEnd(*trajectory, CompletionOrder::FirstFirst(), diverge);
  auto study = BuildStudy(job, *trajectory);
  RunToEnd(*study, CompletionOrder::FirstFirst(), diverge);
  const v1::JobReport report = MakeReport(job, *trajectory, study.get());
  EXPECT_FALSE(report.has_best());
  EXPECT_FALSE(report.has_found());
  EXPECT_EQ(report.improvements_size(), 0);
  EXPECT_EQ(report.candidates().diverged(), 5u);
  EXPECT_EQ(report.study().searches(0).winners_size(), 0);
  EXPECT_EQ(report.study().arenas_size(), 0);
}

// The budget that is nearer to its end says how far the search is.
TEST(ProgressTest, FollowsTheBudgetThatEndsTheSearch) {
  struct Case {
    const char* budget;
    uint64_t total;
  };
  for (const Case& c :
       {Case{"candidates: 50", 50}, Case{"evaluations: 20", 20},
        Case{"candidates: 50 evaluations: 40", 50}, Case{"candidates: 4000 evaluations: 20", 20}}) {
    const v1::JobSpec job = Resolved(std::string("name: 'budget' budget { ") + c.budget + " }");
    auto trajectory = BuildTrajectory(job);
    RunToEnd(*trajectory, CompletionOrder::FirstFirst(), SyntheticEvaluation);
    const v1::JobProgress progress = ProgressOf(job, *trajectory, nullptr);
    EXPECT_EQ(progress.total(), c.total) << c.budget;
    EXPECT_EQ(progress.done(), c.total) << c.budget;
  }
}

}  // namespace
}  // namespace lathe
