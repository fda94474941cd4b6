#include "search/spec/build_search.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <set>

#include "dsl/text.h"
#include "search/spec/resolve_job.h"
#include "search/testing/completion_order.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

v1::JobSpec Resolved(const std::string& text) {
  v1::JobSpec job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job)) << text;
  job.set_name("test");
  if (!job.has_budget()) job.mutable_budget()->set_evaluations(60);
  auto resolved = ResolveJob(job);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *std::move(resolved) : job;
}

// What a search evaluates, by slot.
std::vector<std::shared_ptr<const CanonicalForm>> Evaluated(const v1::JobSpec& job) {
  std::vector<std::shared_ptr<const CanonicalForm>> programs;
  auto trajectory = BuildTrajectory(job);
  RunToEnd(*trajectory, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
    programs.push_back(request.program);
    return SyntheticEvaluation(request);
  });
  return programs;
}

std::string HashOf(const v1::JobSpec& job, CompletionOrder order = CompletionOrder::FirstFirst()) {
  auto trajectory = BuildTrajectory(job);
  RunToEnd(*trajectory, order, SyntheticEvaluation);
  return trajectory->HashSoFar().Hex();
}

// Every field that a trajectory depends on moves it, and no other.
TEST(BuildTrajectory, DependsOnEachFieldOfTheJob) {
  const v1::JobSpec base = Resolved("");
  const char* const changes[] = {
      "seed: 2",
      "window: 1",
      "warm_start: 'lion'",
      "strategy { kind: RANDOM }",
      "strategy { kind: RANDOM random_min_statements: 16 }",
      "strategy { kind: RANDOM random_max_statements: 5 }",
      "strategy { kind: RANDOM random_states: 1 }",
      "strategy { kind: CONSTANTS }",
      "strategy { population: 10 }",
      "strategy { tournament: 100 }",
      "strategy { max_statements: 9 }",
      "strategy { insert_weight: 3 }",
      "strategy { delete_weight: 0 }",
      "strategy { modify_weight: 2 }",
      "strategy { inputs: 'g' }",
      "strategy { ops { key: 'add' value: 1 } }",
      "filters { max_state_bytes_per_parameter: 4 }",
      "filters { max_operations_per_parameter: 40 }",
      "filters { max_bytes_per_parameter: 90 }",
      "budget { candidates: 50 }",
  };
  std::set<std::string> hashes = {HashOf(base)};
  for (const char* change : changes) {
    EXPECT_TRUE(hashes.insert(HashOf(Resolved(change))).second) << change << " changes nothing";
  }
  v1::JobSpec study = base;
  study.set_name("other");
  study.mutable_study()->set_seeds(7);
  EXPECT_EQ(HashOf(study), *hashes.find(HashOf(base)));
}

// A protobuf map has no order of its own, and each process iterates it in another.
TEST(BuildTrajectory, IsTheSameForAJobThatWasSentAndReadAgain) {
  const v1::JobSpec job = Resolved("seed: 5");
  v1::JobSpec read;
  ASSERT_TRUE(read.ParseFromString(job.SerializeAsString()));
  v1::JobSpec in_another_order = job;
  in_another_order.mutable_strategy()->clear_ops();
  std::vector<std::string> names;
  for (const auto& [name, weight] : job.strategy().ops()) names.push_back(name);
  for (size_t i = names.size(); i-- > 0;) {
    (*in_another_order.mutable_strategy()->mutable_ops())[names[i]] =
        job.strategy().ops().at(names[i]);
  }
  const std::string hash = HashOf(job);
  EXPECT_EQ(HashOf(read), hash);
  EXPECT_EQ(HashOf(in_another_order), hash);
  EXPECT_EQ(HashOf(*ResolveJob(job)), hash);
  EXPECT_EQ(HashOf(job, CompletionOrder::Random(3)), hash);
}

TEST(BuildTrajectory, AnOpOfWeightZeroIsNeverDrawn) {
  const v1::JobSpec job = Resolved(R"(strategy {
      ops { key: 'tanh' value: 1 } ops { key: 'neg' value: 2 } ops { key: 'exp' value: 0 } })");
  bool tanh = false;
  for (const auto& program : Evaluated(job)) {
    const std::string& text = program->text;
    EXPECT_EQ(text.find("exp("), std::string::npos) << text;
    EXPECT_EQ(text.find("norm("), std::string::npos) << text;
    tanh |= text.find("tanh(") != std::string::npos;
  }
  EXPECT_TRUE(tanh);
}

TEST(BuildTrajectory, BoundsTheLengthOfRawPrograms) {
  const v1::JobSpec job = Resolved("strategy { max_statements: 10 insert_weight: 100 }");
  for (const auto& program : Evaluated(job)) {
    EXPECT_LE(program->program.instructions.size(), 10u) << program->text;
  }
}

constexpr const char* kStudy = R"(task { steps: 50 } study {
    seeds: 5 winners: 3 winner_seeds: 2 tuning_seeds: 1
    baselines { program: 'adamw' base_lr: [0.1, 0.2] weight_decay: [0, 0.5] }
    baselines { program: 'sgd' base_lr: [0.1, 0.2, 0.3, 0.4] }
    controls { name: 'constants only' strategy { kind: CONSTANTS } }
    controls { name: 'random' strategy { kind: RANDOM } }
    transfers { name: 'wide' task { mlp { hidden: 64 } } }
    transfers { name: 'long' task { steps: 300 batch: 8 } }
    grid { scale: [1, 2] decay: [0, 0.5] } })";

TEST(ArenaTasks, AreTheJobsOwnThenTheTransfersInOrder) {
  const std::vector<v1::Task> tasks = ArenaTasks(Resolved(kStudy));
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[0].steps(), 50u);
  EXPECT_EQ(tasks[0].mlp().hidden(0), 32u);
  EXPECT_EQ(tasks[1].steps(), 50u);
  EXPECT_EQ(tasks[1].mlp().hidden_size(), 1);
  EXPECT_EQ(tasks[1].mlp().hidden(0), 64u);
  EXPECT_EQ(tasks[2].steps(), 300u);
  EXPECT_EQ(tasks[2].batch(), 8u);
  EXPECT_EQ(tasks[2].mlp().hidden(0), 32u);
  EXPECT_EQ(ArenaTasks(Resolved("")).size(), 1u);
}

TEST(BuildStudy, TakesEveryNumberFromTheJob) {
  const v1::JobSpec job = Resolved(kStudy);
  auto trajectory = BuildTrajectory(job);
  RunToEnd(*trajectory, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  auto study = BuildStudy(job, *trajectory);
  std::set<size_t> seeds;
  std::set<int> arenas;
  std::set<double> base_lr;
  RunToEnd(*study, CompletionOrder::LastFirst(), [&](const EvaluationRequest& request) {
    if (!request.stop_at_divergence) seeds.insert(request.seeds.size());
    arenas.insert(request.arena);
    base_lr.insert(request.base_lr.value_or(0));
    return SyntheticEvaluation(request);
  });
  EXPECT_EQ(seeds, (std::set<size_t>{1, 2, 5}));
  EXPECT_EQ(arenas, (std::set<int>{0, 1, 2}));
  EXPECT_EQ(base_lr, (std::set<double>{0, 0.1, 0.2, 0.3, 0.4}));
  const StudyReport& report = study->Report();
  EXPECT_EQ(report.seeds, 5);
  ASSERT_EQ(report.searches.size(), 3u);
  EXPECT_EQ(report.searches[1].name, "constants only");
  EXPECT_EQ(report.searches[2].name, "random");
  for (const SearchSummary& search : report.searches) {
    EXPECT_EQ(search.evaluated, 60u) << search.name;
    EXPECT_EQ(search.winners.size(), 3u) << search.name;
  }
  ASSERT_EQ(report.arenas.size(), 3u);
  EXPECT_EQ(report.arenas[1].name, "wide");
  EXPECT_EQ(report.arenas[2].name, "long");
  for (const ArenaResult& arena : report.arenas) {
    ASSERT_EQ(arena.methods.size(), 5u) << arena.name;
    EXPECT_EQ(arena.baselines, 2);
    EXPECT_EQ(arena.methods[1].name, "adamw");
    EXPECT_EQ(arena.methods[2].name, "sgd");
    for (const MethodResult& method : arena.methods) EXPECT_EQ(method.grid_points, 4);
  }
}

// A control searches as the job itself would with that strategy.
TEST(BuildStudy, AControlIsASearchOfItsOwn) {
  const v1::JobSpec job = Resolved(R"(study { controls { name: 'r' strategy { kind: RANDOM } } })");
  auto trajectory = BuildTrajectory(job);
  RunToEnd(*trajectory, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  auto study = BuildStudy(job, *trajectory);
  std::vector<std::string> asked;
  RunToEnd(*study, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
    if (request.stop_at_divergence) asked.push_back(request.program->text);
    return SyntheticEvaluation(request);
  });
  const auto alone = Evaluated(Resolved("strategy { kind: RANDOM }"));
  ASSERT_EQ(asked.size(), alone.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(asked[i], alone[i]->text) << "slot " << i;
  }
}

}  // namespace
}  // namespace lathe
