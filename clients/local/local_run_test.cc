#include "clients/local/local_run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <set>

#include "clients/local/evaluation_pool.h"
#include "clients/report/report.h"
#include "evaluators/testing/synthetic_evaluator.h"
#include "search/spec/resolve_job.h"

namespace lathe {
namespace {

using std::chrono::microseconds;

v1::JobSpec SmallJob() {
  v1::JobSpec job;
  job.set_name("small");
  job.set_seed(5);
  job.set_window(8);
  job.mutable_budget()->set_evaluations(150);
  job.mutable_strategy()->set_population(20);
  job.mutable_strategy()->set_tournament(3);
  return job;
}

void AddSmallStudy(v1::JobSpec& job) {
  v1::Study& study = *job.mutable_study();
  study.set_seeds(6);
  study.set_winners(4);
  study.set_winner_seeds(2);
  study.set_tuning_seeds(2);
  v1::Baseline& baseline = *study.add_baselines();
  baseline.set_program("adamw");
  for (double lr : {0.01, 0.1}) baseline.add_base_lr(lr);
  for (double scale : {1.0, 2.0}) study.mutable_grid()->add_scale(scale);
  v1::Control& control = *study.add_controls();
  control.set_name("random");
  control.mutable_strategy()->set_kind(v1::Strategy::RANDOM);
  v1::Transfer& transfer = *study.add_transfers();
  transfer.set_name("longer");
  transfer.mutable_task()->set_steps(200);
}

v1::JobReport RunSmall(const v1::JobSpec& job, int threads, microseconds most = {},
                       uint64_t delays = 0) {
  SyntheticEvaluator evaluator(most, delays);
  auto resolved = ResolveJob(job);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  auto run = RunLocally(*resolved, evaluator, {threads, /*show_progress=*/false});
  EXPECT_TRUE(run.ok()) << run.status();
  return *std::move(run);
}

TEST(LocalRunTest, TheTrajectoryDoesNotDependOnThreadsOrOnTheOrderOfCompletions) {
  const v1::JobSpec job = SmallJob();
  const v1::JobReport alone = RunSmall(job, 1);
  EXPECT_EQ(alone.completed_out_of_order(), 0u);
  for (int threads : {2, 4}) {
    for (uint64_t delays : {1, 2}) {
      const v1::JobReport run = RunSmall(job, threads, microseconds(1000), delays);
      std::printf("threads %d: %llu of %llu completions came back out of order\n", threads,
                  static_cast<unsigned long long>(run.completed_out_of_order()),
                  static_cast<unsigned long long>(run.candidates().evaluated()));
      EXPECT_GT(run.completed_out_of_order(), run.candidates().evaluated() / 20);
      EXPECT_EQ(run.trajectory_hash(), alone.trajectory_hash());
    }
  }
}

TEST(LocalRunTest, TheTrajectoryIsStableForEachWindowAndDiffersBetweenSeeds) {
  std::set<std::string> hashes;
  for (uint32_t window : {1, 32, 256}) {
    for (uint64_t seed : {1, 2}) {
      v1::JobSpec job = SmallJob();
      job.set_window(window);
      job.set_seed(seed);
      const std::string hash = RunSmall(job, 2, microseconds(200), 1).trajectory_hash();
      EXPECT_EQ(hash, RunSmall(job, 2, microseconds(200), 2).trajectory_hash());
      hashes.insert(hash);
    }
  }
  EXPECT_EQ(hashes.size(), 6u);
}

nlohmann::json ReportWithoutTimes(const v1::JobReport& run) {
  nlohmann::json report = ReportJson(run);
  for (const char* field : {"search_seconds", "wall_seconds", "completed_out_of_order"}) {
    report.erase(field);
  }
  report["evaluations"].erase("device_seconds");
  return report;
}

TEST(LocalRunTest, TheStudyDoesNotDependOnThreadsOrOnTheOrderOfCompletions) {
  v1::JobSpec job = SmallJob();
  AddSmallStudy(job);
  const nlohmann::json alone = ReportWithoutTimes(RunSmall(job, 1));
  EXPECT_EQ(alone, ReportWithoutTimes(RunSmall(job, 4, microseconds(300), 3)));
  ASSERT_EQ(alone["study"]["arenas"].size(), 2u);
  EXPECT_EQ(alone["study"]["arenas"][1]["name"], "longer");
  EXPECT_EQ(alone["study"]["arenas"][0]["methods"].size(), 3u);
}

TEST(LocalRunTest, TheReportHasTheFieldsThatProgramsRead) {
  v1::JobSpec job = SmallJob();
  AddSmallStudy(job);
  const v1::JobReport run = RunSmall(job, 2);
  const nlohmann::json report = ReportJson(run);
  EXPECT_EQ(report["state"], "succeeded");
  EXPECT_EQ(report["seed"], 5);
  EXPECT_EQ(report["candidates"]["evaluated"], 150);
  uint64_t accounted = report["candidates"]["duplicates"].get<uint64_t>() + 150;
  for (std::string_view filter : kFilterNames) {
    accounted += report["candidates"]["rejected"][std::string(filter)].get<uint64_t>();
  }
  EXPECT_EQ(report["candidates"]["proposed"], accounted);
  EXPECT_EQ(report["best"]["id"].get<std::string>().size(), 32u);
  EXPECT_EQ(report["best"]["program"], run.best().program().text());
  EXPECT_EQ(report["best"]["objectives"][0], run.best().objective());
  EXPECT_EQ(report["improvements"].back()["objective"], run.best().objective());
  EXPECT_EQ(report["trajectory_hash"], run.trajectory_hash());
  EXPECT_GT(report["wall_seconds"].get<double>(), 0);
}

TEST(LocalRunTest, TheFoundProgramReadsBack) {
  v1::JobSpec job = SmallJob();
  AddSmallStudy(job);
  const v1::JobReport run = RunSmall(job, 2);
  ASSERT_TRUE(run.has_found());
  ParseResult parsed = Parse(FoundProgramFile(run));
  ASSERT_TRUE(parsed.program) << RenderDiagnostics(parsed.diagnostics, "found");
  EXPECT_EQ(Print(*parsed.program), run.found().text());
  EXPECT_EQ(HashBytes(run.found().text()).Hex(), run.found().hash());
}

TEST(LocalRunTest, WhatIsHandedOutIsWhatTheTableScores) {
  v1::JobSpec job = SmallJob();
  AddSmallStudy(job);
  const v1::JobReport run = RunSmall(job, 2);
  const v1::MethodResult& found = run.study().arenas(0).methods(0);
  EXPECT_EQ(run.found().text(), found.program());
  EXPECT_NE(FoundProgramFile(run).find(found.setting()), std::string::npos);
  job.clear_study();
  const v1::JobReport search = RunSmall(job, 2);
  EXPECT_EQ(search.found().text(), search.best().program().text());
  EXPECT_EQ(FoundProgramFile(search).find("tuned"), std::string::npos);
}

TEST(LocalRunTest, AnEvaluatorThatFailsEndsTheRunWithItsReason) {
  for (uint64_t call : {0, 100, 700}) {  // the last one falls into the study
    SyntheticEvaluator evaluator(microseconds(100));
    evaluator.FailAt(call);
    v1::JobSpec job = SmallJob();
    AddSmallStudy(job);
    auto run = RunLocally(*ResolveJob(job), evaluator, {2, false});
    EXPECT_EQ(run.status().code(), absl::StatusCode::kUnavailable) << call;
    EXPECT_EQ(run.status().message(), "the machine is on fire");
  }
}

TEST(RunRequestsTest, StopsAtDivergenceOnlyWhereAsked) {
  SyntheticEvaluator evaluator;
  const std::vector<v1::Task> arenas = {*ResolveTask({})};
  // The hash of the text decides whether the synthetic evaluator diverges.
  Program program;
  program.outputs = {Operand::Input(1)};
  EvaluationRequest request;
  request.seeds = {3, 4, 5};
  bool met_divergence = false, met_success = false;
  for (int i = 0; i < 64; ++i) {
    program.instructions = {{Op::mul, {}, {Operand::Input(1), Operand::Constant(i + 2)}}};
    program.outputs = {Operand::Instruction(0)};
    request.program = std::make_shared<const CanonicalForm>(MakeCanonical(program));
    request.stop_at_divergence = true;
    auto stopped = RunRequests(evaluator, arenas, {request}).front();
    request.stop_at_divergence = false;
    auto whole = RunRequests(evaluator, arenas, {request}).front();
    ASSERT_TRUE(stopped.ok() && whole.ok());
    EXPECT_EQ(whole->size(), 3u);
    EXPECT_EQ(stopped->size(), whole->front().diverged ? 1u : 3u);
    met_divergence |= whole->front().diverged;
    met_success |= !whole->front().diverged;
  }
  EXPECT_TRUE(met_divergence && met_success);
}

TEST(RunRequestsTest, TheArenaAndTheBaseRateReachTheTask) {
  SyntheticEvaluator evaluator;
  v1::Task longer;
  longer.set_steps(500);
  const std::vector<v1::Task> arenas = {*ResolveTask({}), *ResolveTask(longer)};
  EvaluationRequest request;
  Program program;
  program.outputs = {Operand::Input(1)};
  request.program = std::make_shared<const CanonicalForm>(MakeCanonical(program));
  request.seeds = {0};
  std::set<double> objectives;
  for (int arena : {0, 1}) {
    for (double base_lr : {1.0, 0.5}) {
      request.arena = arena;
      request.base_lr = base_lr;
      objectives.insert(RunRequests(evaluator, arenas, {request}).front()->front().objective);
    }
  }
  EXPECT_EQ(objectives.size(), 4u);
}

// Likes several programs at a time.
class SociableEvaluator : public SyntheticEvaluator {
 public:
  // Slow enough for requests to pile up.
  SociableEvaluator() : SyntheticEvaluator(microseconds(300)) {}
  int PopulationSize() const override { return 5; }
  void EvaluatePopulation(const PopulationRequest& request,
                          const OnEvaluations& on_evaluations) override {
    const size_t size = request.programs.size();
    EXPECT_LE(size, 5u);
    if (size > 1) together_ += size;
    SyntheticEvaluator::EvaluatePopulation(request, on_evaluations);
  }
  size_t Together() const { return together_; }

 private:
  std::atomic<size_t> together_{0};
};

TEST(RunLocallyTest, EvaluatesTogetherWhatIsAlikeWithTheSameEnd) {
  v1::JobSpec job = SmallJob();
  AddSmallStudy(job);
  SyntheticEvaluator alone;
  SociableEvaluator together;
  const auto expected = RunLocally(*ResolveJob(job), alone, {2, false});
  const auto report = RunLocally(*ResolveJob(job), together, {1, false});
  ASSERT_TRUE(expected.ok() && report.ok());
  EXPECT_EQ(report->trajectory_hash(), expected->trajectory_hash());
  EXPECT_EQ(report->found().text(), expected->found().text());
  EXPECT_EQ(together.Calls(), alone.Calls());
  EXPECT_GT(together.Together(), 0u);
}

TEST(RunLocallyTest, CountsEveryTrainingRun) {
  SyntheticEvaluator evaluator;
  v1::JobSpec job = SmallJob();
  AddSmallStudy(job);
  auto report = RunLocally(*ResolveJob(job), evaluator, {2, false});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->evaluations().run(), evaluator.Calls());
  EXPECT_EQ(report->numeric_class(), "synthetic");
}

}  // namespace
}  // namespace lathe
