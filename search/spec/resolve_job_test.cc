#include "search/spec/resolve_job.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "search/spec/build_search.h"
#include "search/testing/completion_order.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::JobSpec Job(const std::string& text = "") {
  v1::JobSpec job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "name: 'test' budget { evaluations: 20 } " + text, &job))
      << text;
  return job;
}

constexpr const char* kStudy = R"(
  study {
    seeds: 5
    baselines { program: 'adamw' base_lr: [0.1, 0.2] weight_decay: [0, 0.5] }
    controls { name: 'random programs' strategy { kind: RANDOM } }
    transfers { name: 'longer' task { steps: 300 } }
    grid { scale: [1, 2] }
  })";

TEST(ResolveJobTest, WritesEveryDefaultOut) {
  auto job = ResolveJob(Job());
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->signature(), "optimizer");
  EXPECT_EQ(job->seed(), 1u);
  EXPECT_EQ(job->window(), 32u);
  EXPECT_EQ(job->strategy().kind(), v1::Strategy::EVOLUTION);
  EXPECT_EQ(job->strategy().population(), 300u);
  EXPECT_EQ(job->strategy().tournament(), 5u);
  EXPECT_EQ(job->strategy().islands(), 1u);
  EXPECT_EQ(job->strategy().migration_interval(), 50u);
  EXPECT_EQ(job->strategy().max_statements(), 40u);
  EXPECT_EQ(job->strategy().random_states(), 2u);
  EXPECT_EQ(job->strategy().modify_weight(), 1);
  // The others are drawn only where a job names them.
  for (Op op : AllOps()) {
    auto weight = job->strategy().ops().find(std::string(Info(op).name));
    const bool listed = weight != job->strategy().ops().end();
    EXPECT_EQ(listed, Info(op).weight > 0) << Info(op).name;
    EXPECT_EQ(listed ? weight->second : 0, Info(op).weight) << Info(op).name;
  }
  EXPECT_EQ(job->strategy().inputs_size(), 3);
  EXPECT_EQ(job->filters().max_state_bytes_per_parameter(), 16);
  EXPECT_EQ(job->task().dataset(), "digits");
  ASSERT_EQ(job->warm_start_size(), 1);
  EXPECT_EQ(*Parse(job->warm_start(0)).program, *KnownProgram("adamw_warm_start"));
  EXPECT_FALSE(job->has_study());
}

TEST(ResolveJobTest, ResolvingAgainChangesNothing) {
  auto once = ResolveJob(Job(kStudy));
  ASSERT_TRUE(once.ok()) << once.status();
  auto twice = ResolveJob(*once);
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_TRUE(MessageDifferencer::Equals(*once, *twice));
}

TEST(ResolveJobTest, TakesDataFromTheCatalogAndKeepsThem) {
  DatasetCatalog catalog = ShippedDatasets();
  v1::DatasetDescription& mine = catalog["mine"];
  mine.set_content_hash(std::string(32, 'a'));
  mine.set_examples(5000);
  mine.add_shape(4);
  mine.set_classes(3);
  const std::string study =
      "study { transfers { name: 'mine' task { dataset: 'mine' } } }"
      "hurdles { task { dataset: 'mine' } }";
  auto job = ResolveJob(Job(study), catalog);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->task().data().classes(), 10u);
  EXPECT_TRUE(MessageDifferencer::Equals(job->study().transfers(0).task().data(), mine));
  EXPECT_TRUE(MessageDifferencer::Equals(job->hurdles(0).task().data(), mine));
  // A resolved job needs no catalog.
  auto again = ResolveJob(*job);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(MessageDifferencer::Equals(*job, *again));
  EXPECT_EQ(ResolveJob(Job(study))
                .status()
                .message()
                .find("hurdles[0]: task.dataset: unknown dataset \"mine\"; known: digits;"),
            0u);
}

TEST(ResolveJobTest, AStudyTakesItsTasksFromTheJobs) {
  auto job = ResolveJob(Job(std::string("task { batch: 16 seed: 4 } ") + kStudy));
  ASSERT_TRUE(job.ok()) << job.status();
  const std::vector<v1::Task> arenas = ArenaTasks(*job);
  ASSERT_EQ(arenas.size(), 2u);
  EXPECT_TRUE(MessageDifferencer::Equals(arenas[0], job->task()));
  EXPECT_EQ(arenas[1].steps(), 300u);
  EXPECT_EQ(arenas[1].batch(), 16u);
  EXPECT_EQ(arenas[1].seed(), 4u);
  EXPECT_EQ(job->study().winners(), 20u);
  EXPECT_EQ(job->study().grid().decay_size(), 1);
}

TEST(ResolveJobTest, NamesAndRangesOfHypersAreKept) {
  auto job = ResolveJob(Job(kStudy));
  ASSERT_TRUE(job.ok());
  const Program baseline = *Parse(job->study().baselines(0).program()).program;
  EXPECT_EQ(baseline.name, "adamw");
  EXPECT_EQ(baseline.hypers[3].name, "weight_decay");
  EXPECT_EQ(baseline.hypers[0].range.Text(), "[0, 1)");
}

// Long names without a blank: what is written out is longer than what was read.
std::string DenseProgram(int statements) {
  std::string text = "lathe 1 optimizer p\ninput g[P,R,C]\n", last = "g";
  for (int i = 0; i < statements; ++i) {
    std::string name = absl::StrCat("v", i);
    name.resize(64, 'x');
    absl::StrAppend(&text, name, "=lerp(", last, ",", last, ",", last, ")\n");
    last = name;
  }
  return absl::StrCat(text, "update=neg(", last, ")\n");
}

TEST(ResolveJobTest, WhatResolvesCanBeReadBack) {
  v1::JobSpec job = Job();
  job.add_warm_start(DenseProgram(1000));
  auto resolved = ResolveJob(job);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_TRUE(ResolveJob(*resolved).ok());
  job.set_warm_start(0, DenseProgram(3900));  // under the limit of a text, over it when printed
  EXPECT_TRUE(ResolveJob(job).status().message().find("warm_start[0]:") == 0)
      << ResolveJob(job).status();
}

TEST(ResolveJobTest, EveryWarmStartFitsIntoThePopulationOfEveryEvolvingControl) {
  v1::JobSpec job = Job(R"(warm_start: ['lion', 'sgd']
      study { controls { name: 'c' strategy { kind: CONSTANTS population: 1 tournament: 1 } } })");
  EXPECT_NE(ResolveJob(job).status().message().find("study.controls[0].strategy.population: 1"),
            absl::string_view::npos)
      << ResolveJob(job).status();
  job.mutable_study()->mutable_controls(0)->mutable_strategy()->set_kind(v1::Strategy::RANDOM);
  EXPECT_TRUE(ResolveJob(job).ok());
}

struct BadField {
  std::function<void(v1::JobSpec&)> spoil;
  std::vector<std::string> said;
};

TEST(ResolveJobTest, NamesTheFieldAndWhatIsAllowed) {
  const std::vector<BadField> cases = {
      {[](v1::JobSpec& j) { j.set_name("Not A Name"); }, {"name:", "a-z"}},
      {[](v1::JobSpec& j) { j.clear_name(); }, {"name:"}},
      {[](v1::JobSpec& j) { j.set_signature("lawyer"); }, {"signature:", "optimizer"}},
      {[](v1::JobSpec& j) { j.set_signature("layer"); }, {"signature:", "layer", "optimizer"}},
      {[](v1::JobSpec& j) { j.clear_budget(); }, {"budget:", "evaluations"}},
      {[](v1::JobSpec& j) { j.set_window(1 << 30); }, {"window:", "1 to "}},
      {[](v1::JobSpec& j) { j.set_numeric_class(std::string(257, 'x')); },
       {"numeric_class:", "at most 256"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_tournament(301); },
       {"strategy.tournament:", "1 to 300"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_population(1 << 30); },
       {"strategy.population:"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_islands(4000); },
       {"strategy.islands:", "1 to 3495"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_migration_interval(~0u); },
       {"strategy.migration_interval:"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_max_statements(5000); },
       {"strategy.max_statements:"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_random_states(65); },
       {"strategy.random_states:", "0 to 64"}},
      {[](v1::JobSpec& j) {
         j.mutable_strategy()->set_random_min_statements(9);
         j.mutable_strategy()->set_random_max_statements(8);
       },
       {"strategy.random_max_statements:", "9 to"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_insert_weight(-1); },
       {"strategy.insert_weight:"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_delete_weight(NAN); },
       {"strategy.delete_weight:"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->set_modify_weight(0); },
       {"strategy.modify_weight:"}},
      {[](v1::JobSpec& j) { (*j.mutable_strategy()->mutable_ops())["frob"] = 1; },
       {"strategy.ops:", "frob", "lerp"}},
      {[](v1::JobSpec& j) { (*j.mutable_strategy()->mutable_ops())["add"] = -1; },
       {"strategy.ops.add:"}},
      {[](v1::JobSpec& j) { (*j.mutable_strategy()->mutable_ops())["add"] = 0; },
       {"strategy.ops:", "above 0"}},
      {[](v1::JobSpec& j) { j.mutable_strategy()->add_inputs("x"); },
       {"strategy.inputs:", "\"x\"", "lr"}},
      {[](v1::JobSpec& j) { j.add_warm_start("adamv"); }, {"warm_start[0]:", "adamw"}},
      {[](v1::JobSpec& j) { j.add_warm_start("lathe 1 optimizer x\nupdate = y\n"); },
       {"warm_start[0]:", ":2:10:"}},
      {[](v1::JobSpec& j) { j.mutable_filters()->set_max_bytes_per_parameter(-1); },
       {"filters.max_bytes_per_parameter:"}},
      {[](v1::JobSpec& j) { j.mutable_task()->set_batch(5000); }, {"task.batch:"}},
      {[](v1::JobSpec& j) { j.mutable_study()->set_seeds(1); }, {"study.seeds:", "2 to"}},
      {[](v1::JobSpec& j) { j.mutable_study()->add_baselines()->set_program("lion"); },
       {"study.baselines[0].base_lr:"}},
      {[](v1::JobSpec& j) {
         v1::Baseline* b = j.mutable_study()->add_baselines();
         b->set_program("adamw_warm_start");
         b->add_base_lr(0.1);
         b->add_weight_decay(0.1);
       },
       {"study.baselines[0].weight_decay:", "no hyper"}},
      {[](v1::JobSpec& j) {
         v1::Baseline* b = j.mutable_study()->add_baselines();
         b->set_program("adamw");
         b->add_base_lr(0);
       },
       {"study.baselines[0].base_lr:", "above 0"}},
      {[](v1::JobSpec& j) { j.mutable_study()->mutable_grid()->add_scale(0); },
       {"study.grid.scale:"}},
      {[](v1::JobSpec& j) { j.mutable_study()->mutable_grid()->add_decay(-1); },
       {"study.grid.decay:"}},
      {[](v1::JobSpec& j) { j.mutable_study()->add_controls(); }, {"study.controls[0].name:"}},
      {[](v1::JobSpec& j) {
         v1::Control* c = j.mutable_study()->add_controls();
         c->set_name("c");
         c->mutable_strategy()->set_tournament(999);
       },
       {"study.controls[0].strategy.tournament:"}},
      {[](v1::JobSpec& j) {
         v1::Transfer* t = j.mutable_study()->add_transfers();
         t->set_name("t");
         t->mutable_task()->set_dataset("mnist");
       },
       {"study.transfers[0]", "mnist", "digits"}},
  };
  for (const BadField& bad : cases) {
    v1::JobSpec job = Job();
    bad.spoil(job);
    auto resolved = ResolveJob(job);
    EXPECT_EQ(resolved.status().code(), absl::StatusCode::kInvalidArgument) << job.DebugString();
    for (const std::string& said : bad.said) {
      EXPECT_NE(resolved.status().message().find(said), absl::string_view::npos)
          << resolved.status() << "\nlacks " << said;
    }
  }
}

TEST(BuildSearchTest, ASearchDrawsOnlyFromItsSpace) {
  auto job = ResolveJob(Job(R"(strategy { kind: RANDOM random_states: 0 inputs: 'g' inputs: 't'
      ops { key: 'mul' value: 1 } ops { key: 'exp' value: 1 } ops { key: 'add' value: 0 } })"));
  ASSERT_TRUE(job.ok()) << job.status();
  auto trajectory = BuildTrajectory(*job);
  std::vector<std::string> texts;
  const std::string reason =
      RunToEnd(*trajectory, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
        texts.push_back(request.program->text);
        return SyntheticEvaluation(request);
      });
  EXPECT_EQ(reason, "budget.evaluations");
  EXPECT_EQ(texts.size(), 20u);
  for (const std::string& text : texts) {
    for (const char* absent : {"add(", "lerp(", "w[P,R,C]", "lr[]", "state"}) {
      EXPECT_EQ(text.find(absent), std::string::npos) << text;
    }
  }
}

TEST(BuildSearchTest, EvaluatesOnTheTasksSeeds) {
  auto job = ResolveJob(Job("task { seeds: 7 }"));
  auto trajectory = BuildTrajectory(*job);
  auto action = trajectory->Next();
  EXPECT_EQ(std::get<Trajectory::Evaluate>(action).request.seeds.size(), 7u);
}

TEST(BuildSearchTest, FiltersCountOverTheTasksModel) {
  auto job = ResolveJob(Job("filters { max_state_bytes_per_parameter: 7 }"));  // two states: 8
  auto trajectory = BuildTrajectory(*job);
  trajectory->Next();
  EXPECT_GE(trajectory->Count().rejected[static_cast<size_t>(Filter::over_cost)], 1u);
}

TEST(BuildSearchTest, EachStrategyMakesItsOwnProposals) {
  std::set<Hash128> hashes;
  for (const char* kind : {"RANDOM", "EVOLUTION", "CONSTANTS"}) {
    auto job = ResolveJob(Job("strategy { kind: " + std::string(kind) + " }"));
    auto trajectory = BuildTrajectory(*job);
    RunToEnd(*trajectory, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
      const bool constants = std::string(kind) == "CONSTANTS";
      EXPECT_TRUE(!constants || request.program->program.instructions.size() == 9u);
      return SyntheticEvaluation(request);
    });
    hashes.insert(trajectory->HashSoFar());
  }
  EXPECT_EQ(hashes.size(), 3u);
}

TEST(BuildSearchTest, AStudyRunsWithItsControlsAndTransfers) {
  auto job = ResolveJob(Job(kStudy));
  ASSERT_TRUE(job.ok()) << job.status();
  auto trajectory = BuildTrajectory(*job);
  RunToEnd(*trajectory, CompletionOrder::FirstFirst(), SyntheticEvaluation);
  auto study = BuildStudy(*job, *trajectory);
  RunToEnd(*study, CompletionOrder::Random(1), SyntheticEvaluation);
  ASSERT_EQ(study->Report().arenas.size(), 2u);
  EXPECT_EQ(study->Report().arenas[1].name, "longer");
  EXPECT_EQ(study->Report().searches[1].name, "random programs");
  EXPECT_EQ(study->Report().searches[1].evaluated, 20u);
  EXPECT_EQ(study->Report().arenas[0].methods[1].name, "adamw");
  EXPECT_EQ(study->Report().arenas[0].methods[1].grid_points, 4);
}

}  // namespace
}  // namespace lathe
