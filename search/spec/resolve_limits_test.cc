// What every field of a job may be, and what is said of one that is not.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "search/spec/resolve_job.h"

namespace lathe {
namespace {

v1::JobSpec Job(const std::string& text = "") {
  v1::JobSpec job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "name: 'test' budget { candidates: 9 evaluations: 20 } " + text, &job))
      << text;
  return job;
}

std::string MessageOf(const v1::JobSpec& job) {
  return std::string(ResolveJob(job).status().message());
}

// Adds to `empty` the paths of fields of `message` that have no value, nor another of their oneof.
void CollectEmpty(const google::protobuf::Message& message, const std::string& place,
                  std::set<std::string>& empty) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  reflection->ListFields(message, &set);
  const std::set<const google::protobuf::FieldDescriptor*> with_value(set.begin(), set.end());
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    const std::string path = place + field->name();
    const auto* oneof = field->real_containing_oneof();
    const bool other = oneof != nullptr && reflection->HasOneof(message, oneof);
    if (with_value.count(field) == 0 && !other) empty.insert(path);
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (with_value.count(field) == 0 || field->is_map()) continue;
    if (!field->is_repeated()) {
      CollectEmpty(reflection->GetMessage(message, field), path + ".", empty);
      continue;
    }
    for (int k = 0; k < reflection->FieldSize(message, field); ++k) {
      CollectEmpty(reflection->GetRepeatedMessage(message, field, k), path + ".", empty);
    }
  }
}

// A recorded job must not lean on defaults, which may change.
TEST(ResolveLimits, NoFieldIsLeftWithoutAValue) {
  auto job = ResolveJob(Job(R"(study {
      baselines { program: 'adamw' base_lr: 0.1 }
      controls { name: 'c' } transfers { name: 't' } }
      hurdles { })"));
  ASSERT_TRUE(job.ok()) << job.status();
  std::set<std::string> empty;
  CollectEmpty(*job, "", empty);
  // No bound, those of the first worker, and the program's own.
  EXPECT_EQ(empty, (std::set<std::string>{"budget.device_seconds", "budget.wall_seconds",
                                          "numeric_class", "study.baselines.weight_decay"}));
}

TEST(ResolveLimits, DefaultsAreThoseOfTheProtocol) {
  auto job = ResolveJob(Job("study {}"));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->strategy().random_min_statements(), 4u);
  EXPECT_EQ(job->strategy().random_max_statements(), 16u);
  EXPECT_EQ(job->strategy().insert_weight(), 1);
  EXPECT_EQ(job->strategy().delete_weight(), 1);
  EXPECT_EQ(job->filters().max_operations_per_parameter(), 400);
  EXPECT_EQ(job->filters().max_bytes_per_parameter(), 2000);
  EXPECT_EQ(job->task().seeds(), 4u);
  EXPECT_EQ(job->study().seeds(), 20u);
  EXPECT_EQ(job->study().winner_seeds(), 8u);
  EXPECT_EQ(job->study().tuning_seeds(), 3u);
  EXPECT_EQ(job->study().grid().scale(0), 1);
  EXPECT_EQ(job->study().grid().decay(0), 0);
  const std::vector<std::string> inputs(job->strategy().inputs().begin(),
                                        job->strategy().inputs().end());
  EXPECT_EQ(inputs, (std::vector<std::string>{"w", "g", "lr"}));
}

// A zero that was written is not a field that was left out.
TEST(ResolveLimits, ZerosThatWereWrittenStay) {
  auto job = ResolveJob(Job(R"(seed: 0 filters { max_bytes_per_parameter: 0 }
      strategy { random_states: 0 insert_weight: 0 delete_weight: 0 })"));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->seed(), 0u);
  EXPECT_EQ(job->filters().max_bytes_per_parameter(), 0);
  EXPECT_EQ(job->strategy().random_states(), 0u);
  EXPECT_EQ(job->strategy().insert_weight(), 0);
  EXPECT_EQ(job->strategy().delete_weight(), 0);
}

TEST(ResolveLimits, ResolvingAgainChangesNothingForAnyProgramAndStrategy) {
  for (std::string_view name : KnownProgramNames(OptimizerSignature())) {
    for (const char* kind : {"RANDOM", "EVOLUTION", "CONSTANTS"}) {
      const std::string signature(KnownProgram(name)->signature->name);
      auto once = ResolveJob(Job(absl::StrCat(
          "signature: '", signature, "' warm_start: '", std::string(name), "' strategy { kind: ",
          kind, " } study { baselines { program: '", std::string(name), "' base_lr: 0.1 } }")));
      ASSERT_TRUE(once.ok()) << once.status();
      auto twice = ResolveJob(*once);
      ASSERT_TRUE(twice.ok()) << twice.status();
      EXPECT_EQ(once->DebugString(), twice->DebugString()) << name;
      const Program given = *KnownProgram(name), kept = *Parse(once->warm_start(0)).program;
      EXPECT_EQ(kept, given);
      EXPECT_EQ(kept.name, given.name);
      for (size_t i = 0; i < given.hypers.size(); ++i) {
        EXPECT_EQ(kept.hypers[i].name, given.hypers[i].name);
        EXPECT_EQ(kept.hypers[i].range.Text(), given.hypers[i].range.Text())
            << "constants-only search would leave the range";
      }
    }
  }
}

TEST(ResolveLimits, TheLimitsThemselvesAreAllowed) {
  const char* const jobs[] = {
      "window: 1048576",
      "strategy { population: 1048576 tournament: 1048576 }",
      "strategy { max_statements: 1024 random_min_statements: 1024 random_states: 64 }",
      "strategy { random_min_statements: 7 random_max_statements: 7 }",
      "strategy { population: 1 tournament: 1 }",
      "study { seeds: 1000 winners: 1000 winner_seeds: 1000 tuning_seeds: 1000 }",
      "study { seeds: 2 winners: 1 winner_seeds: 1 tuning_seeds: 1 }",
      "study { baselines { program: 'adamw' base_lr: 1e-300 weight_decay: [0, 1e300] } }",
  };
  for (const char* text : jobs) {
    EXPECT_TRUE(ResolveJob(Job(text)).ok()) << text << "\n" << ResolveJob(Job(text)).status();
  }
  v1::JobSpec job = Job();
  job.set_name("a" + std::string(62, '-'));
  EXPECT_TRUE(ResolveJob(job).ok());
}

struct Refused {
  const char* text;
  const char* message;
};

// Whole messages: a bound that is named must be the bound.
TEST(ResolveLimits, SaysWhatIsAllowedToTheDigit) {
  const Refused cases[] = {
      {"window: 1048577", "window: 1048577 is not allowed; allowed is 1 to 1048576"},
      {"window: 4294967295", "window: 4294967295 is not allowed; allowed is 1 to 1048576"},
      {"strategy { population: 1048577 }",
       "strategy.population: 1048577 is not allowed; allowed is 1 to 1048576"},
      {"strategy { population: 3 tournament: 4 }",
       "strategy.tournament: 4 is not allowed; allowed is 1 to 3"},
      {"strategy { max_statements: 1025 }",
       "strategy.max_statements: 1025 is not allowed; allowed is 1 to 1024"},
      {"strategy { random_min_statements: 1025 }",
       "strategy.random_min_statements: 1025 is not allowed; allowed is 1 to 1024"},
      {"strategy { random_max_statements: 1025 }",
       "strategy.random_max_statements: 1025 is not allowed; allowed is 4 to 1024"},
      {"strategy { insert_weight: nan }",
       "strategy.insert_weight: nan is not allowed; allowed is 0 to 1e+06"},
      {"strategy { delete_weight: -0.5 }",
       "strategy.delete_weight: -0.5 is not allowed; allowed is 0 to 1e+06"},
      {"strategy { kind: 3 modify_weight: inf }",
       "strategy.modify_weight: inf is not allowed; allowed is 0 to 1e+06"},
      {"strategy { ops { key: 'add' value: inf } }",
       "strategy.ops.add: a weight is a finite number >= 0"},
      {"filters { max_operations_per_parameter: -1 }",
       "filters.max_operations_per_parameter: -1 is not allowed; allowed is 0 to 1e+12"},
      {"filters { max_state_bytes_per_parameter: inf }",
       "filters.max_state_bytes_per_parameter: inf is not allowed; allowed is 0 to 1e+12"},
      {"study { seeds: 1001 }", "study.seeds: 1001 is not allowed; allowed is 2 to 1000"},
      {"study { winners: 1001 }", "study.winners: 1001 is not allowed; allowed is 1 to 1000"},
      {"study { winner_seeds: 1001 }",
       "study.winner_seeds: 1001 is not allowed; allowed is 1 to 1000"},
      {"study { tuning_seeds: 1001 }",
       "study.tuning_seeds: 1001 is not allowed; allowed is 1 to 1000"},
      {"study { grid { scale: inf } }",
       "study.grid.scale: inf is not allowed; allowed are finite numbers above 0"},
      {"study { grid { decay: nan } }",
       "study.grid.decay: nan is not allowed; allowed are finite numbers from 0 on"},
      {"study { baselines { program: 'lion' base_lr: [1, inf] } }",
       "study.baselines[0].base_lr: inf is not allowed; allowed are finite numbers above 0"},
      {"study { baselines { program: 'lion' base_lr: 1 weight_decay: -1 } }",
       "study.baselines[0].weight_decay: -1 is not allowed; allowed are finite numbers from 0 on"},
      {"study { controls { name: 'c' strategy { inputs: 'q' } } }",
       "study.controls[0].strategy.inputs: unknown input \"q\"; there are: w, g, lr, t, "
       "total_steps, rows, cols"},
      {"study { transfers { task { steps: 3 } } }",
       "study.transfers[0].name: a name of 1 to 63 printable ASCII characters is needed"},
      {"study { transfers { name: 't' task { steps: 1000001 } } }",
       "study.transfers[0]: task.steps: 1000001 is not allowed; allowed: 1 to 1000000"},
  };
  for (const Refused& c : cases) {
    const v1::JobSpec job = Job(c.text);
    EXPECT_EQ(ResolveJob(job).status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_EQ(MessageOf(job), c.message) << c.text;
  }
}

TEST(ResolveLimits, EitherBudgetIsEnough) {
  for (const char* text :
       {"name: 'n' budget { candidates: 1 }", "name: 'n' budget { evaluations: 1 }"}) {
    v1::JobSpec job;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &job));
    EXPECT_TRUE(ResolveJob(job).ok()) << text;
  }
}

TEST(ResolveLimits, AKindOfALaterVersionIsRefused) {
  v1::JobSpec job = Job();
  job.mutable_strategy()->set_kind(static_cast<v1::Strategy::Kind>(9));
  EXPECT_EQ(MessageOf(job), "strategy.kind: allowed are random, evolution, constants");
}

TEST(ResolveLimits, Names) {
  for (const std::string& name :
       {std::string("1a"), std::string("-a"), std::string("a.b"), std::string("A"),
        std::string(64, 'a'), std::string("a\n"), std::string("\xc3\xa4")}) {
    v1::JobSpec job = Job();
    job.set_name(name);
    EXPECT_EQ(MessageOf(job).find("name: "), 0u) << name;
  }
}

// More programs than members: some would never be a parent.
TEST(ResolveLimits, AWarmStartFitsThePopulation) {
  const std::string two = "warm_start: ['lion', 'sgd'] strategy { tournament: 1 population: ";
  EXPECT_TRUE(ResolveJob(Job(two + "2 }")).ok());
  EXPECT_EQ(MessageOf(Job(two + "1 }")).find("warm_start: 2 is not allowed"), 0u);
}

}  // namespace
}  // namespace lathe
