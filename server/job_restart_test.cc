// Servers that die at any write, and what the next one makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "rpc/status.h"
#include "server/job_run.h"
#include "server/search_log.h"
#include "server/store/faulty_store.h"
#include "server/store/memory_store.h"
#include "server/testing/server_life.h"

namespace lathe {
namespace {

using testing::HasSubstr;

// All of a job that must not depend on what happened on the way.
struct End {
  std::string hash;
  std::vector<std::string> candidates;
  v1::JobReport report;
};

End EndOf(Store& store, Life& life, JobId id) {
  End end;
  end.report = life.Report(id);
  end.hash = end.report.trajectory_hash();
  const auto candidates = ReadCandidates(store, id, 0, 1000000);
  EXPECT_TRUE(candidates.ok()) << candidates.status();
  for (v1::Candidate candidate : *candidates) {
    candidate.clear_name();
    end.candidates.push_back(candidate.SerializeAsString());
  }
  // What depends on the way.
  end.report.clear_wall_seconds();
  end.report.clear_search_seconds();
  end.report.clear_evaluations();
  end.report.clear_completed_out_of_order();
  return end;
}

void ExpectEqual(const End& end, const End& expected) {
  EXPECT_EQ(end.hash, expected.hash);
  EXPECT_TRUE(end.candidates == expected.candidates);
  EXPECT_EQ(end.report.DebugString(), expected.report.DebugString());
}

v1::JobSpec TinyJob() {
  v1::JobSpec spec = SmallJob(/*with_study=*/true);
  spec.mutable_budget()->set_evaluations(24);
  spec.mutable_task()->set_seeds(1);
  spec.mutable_study()->set_seeds(2);
  return spec;
}

End Undisturbed(const v1::JobSpec& spec) {
  MemoryStore store;
  Life life(store);
  life.AddWorkers(1);
  const JobId id = life.Create(spec);
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  return EndOf(store, life, id);
}

// Creates the job, or finds it, and lets it run until the store crashes or the job ends; which it
// is, if it could be created at all.
std::optional<JobId> RunUntilCrash(FaultyStore& store, Life& life, const v1::JobSpec& spec) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id("one");
  const auto job = life.Board().Create(request);
  if (!job.ok()) return std::nullopt;
  const JobId id = *ParseJobName(job->name(), "name");
  const auto live = life.Board().Live(id);
  while (!store.Crashed() && live != nullptr && !HasEnded(live->Snapshot().state())) {
    live->WaitForChange(live->Snapshot().revision(), absl::Milliseconds(5));
  }
  return id;
}

// A long job that a server has left after so many evaluations.
JobId LeaveUnfinished(Store& store, uint64_t evaluated) {
  Life life(store);
  const JobId id = life.Create(LongJob());
  life.AddWorkers(2);
  life.WaitUntil(
      id, [&](const v1::Job& job) { return job.progress().candidates().evaluated() >= evaluated; });
  return id;
}

// One write after the other is the last one of a server's life, until a job gets through.
TEST(JobRestart, AfterACrashAtEveryWriteTheEndIsTheSame) {
  const End expected = Undisturbed(TinyJob());
  for (const bool happens : {false, true}) {
    for (uint64_t first = 1;; ++first) {
      const auto disk = std::make_shared<MemoryStore>();
      EvaluationAudit audit;
      bool crashed = false;
      {
        FaultyStore store(disk);
        Life life(store);
        store.CrashAtWrite(first, happens);
        life.AddWorkers(2, 3, &audit);
        RunUntilCrash(store, life, TinyJob());
        crashed = store.Crashed();
      }
      Life life(*disk);
      ASSERT_TRUE(life.Restored().ok()) << life.Restored();
      life.AddWorkers(1, 8, &audit);
      const JobId id = life.Create(TinyJob(), "one");
      ASSERT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED) << "write " << first;
      ExpectEqual(EndOf(*disk, life, id), expected);
      EXPECT_EQ(audit.RunAgain(), 0u) << "write " << first;
      EXPECT_EQ(audit.MissingIn(*disk), 0u) << "write " << first;
      if (HasFailure()) return;
      if (!crashed) {
        EXPECT_GT(first, 30u) << "a job writes more often than that";
        break;
      }
    }
  }
}

TEST(JobRestart, ManyDeathsInOneJob) {
  v1::JobSpec spec = SmallJob();
  // So large that few proposals are duplicates: every life goes through those of the lives before.
  spec.mutable_strategy()->set_population(200);
  spec.mutable_budget()->set_evaluations(600);
  // A hurdle of its own, and a race.
  spec.add_hurdles()->mutable_task()->set_steps(10);
  spec.add_hurdles()->mutable_task()->set_seeds(2);
  const End expected = Undisturbed(spec);
  EXPECT_GT(expected.report.candidates().stopped(0), 20u);
  EXPECT_GT(expected.report.candidates().stopped(1), 20u);
  const auto disk = std::make_shared<MemoryStore>();
  EvaluationAudit audit;
  RandomStream random(7, {});
  int deaths = 0;
  JobId id = 0;
  for (bool ended = false; !ended;) {
    FaultyStore store(disk);
    store.CrashAtWrite(1 + random.Below(60), random.Chance(0.5));
    Life life(store);
    if (!life.Restored().ok()) {
      ++deaths;
      continue;
    }
    life.AddWorkers(2, 5, &audit);
    const std::optional<JobId> job = RunUntilCrash(store, life, spec);
    if (job) id = *job;
    ended = !store.Crashed() && job.has_value();
    deaths += store.Crashed();
  }
  EXPECT_GT(deaths, 10);
  Life life(*disk);
  ExpectEqual(EndOf(*disk, life, id), expected);
  EXPECT_EQ(audit.RunAgain(), 0u);
  EXPECT_EQ(audit.MissingIn(*disk), 0u);
}

// The log of a job tells how much was told again.
std::vector<uint64_t> Retold(const Store& store, JobId id) {
  std::vector<uint64_t> retold;
  const auto entries =
      store.Scan(Kind::kLogEntries, LogEntryKey(id, 0), EndOfPrefix(JobPrefix(id)), 100000);
  for (const auto& [key, value] : *entries) {
    v1::LogEntry entry;
    EXPECT_TRUE(entry.ParseFromString(value));
    unsigned long long candidate = 0, outcomes = 0;
    if (std::sscanf(entry.message().c_str(), "taken up at candidate %llu, %llu outcomes",
                    &candidate, &outcomes) == 2) {
      retold.push_back(outcomes);
    }
  }
  return retold;
}

TEST(JobRestart, TellsAgainNoMoreThanSinceTheLastCheckpoint) {
  v1::JobSpec spec = SmallJob();
  // So large that few proposals are duplicates: they would take most of the time.
  spec.mutable_strategy()->set_population(500);
  // More than twice of what four lives are meant for, since each goes on until its progress is
  // told.
  spec.mutable_budget()->set_evaluations(6 * kCheckpointInterval);
  const auto disk = std::make_shared<MemoryStore>();
  JobId id = 0;
  for (int deaths = 0; deaths < 4; ++deaths) {
    FaultyStore store(disk);
    Life life(store);
    if (id == 0) id = life.Create(spec);
    const uint64_t before = life.Board().Get(id)->progress().candidates().evaluated();
    life.AddWorkers(2, 32);
    life.WaitUntil(id, [&](const v1::Job& job) {
      return job.progress().candidates().evaluated() >= before + 650;
    });
    // Without a chance to write anything more.
    store.CrashAtWrite(1, false);
    WriteBatch nothing;
    store.Write(nothing).IgnoreError();
  }
  Life life(*disk);
  life.AddWorkers(1);
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  const std::vector<uint64_t> retold = Retold(*disk, id);
  ASSERT_EQ(retold.size(), 4u);
  for (uint64_t count : retold) EXPECT_LE(count, kCheckpointInterval + 300);
  EXPECT_GT(*std::max_element(retold.begin(), retold.end()), 0u) << "or nothing was tried";
}

// A server that is told to stop leaves a checkpoint.
TEST(JobRestart, AfterAnOrderlyStopNothingIsToldAgain) {
  MemoryStore store;
  const JobId id = LeaveUnfinished(store, 300);
  Life life(store);
  life.AddWorkers(2);
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(Retold(store, id), std::vector<uint64_t>{0});
}

TEST(JobRestart, ADamagedLogFailsTheJobAndNamesTheRecord) {
  MemoryStore store;
  const JobId id = LeaveUnfinished(store, 50);
  WriteBatch damage;
  damage.Put(Kind::kOutcomes, OutcomeKey(id, 7), "\xff");
  ASSERT_TRUE(store.Write(damage).ok());
  Life life(store);
  life.AddWorkers(1);
  const v1::Job job = life.WaitForEnd(id);
  EXPECT_EQ(job.state(), v1::Job::FAILED);
  EXPECT_THAT(job.state_reason(), HasSubstr("damaged record of kind outcomes"));
}

TEST(JobRestart, WhatIsLoggedComesBackAsItWas) {
  MemoryStore store;
  SearchLog log(store, nullptr, 5, 1);
  CandidateRecord fresh, duplicate, rejected;
  fresh.slot = 2;
  fresh.told = 1;
  fresh.raw_text = "a text";
  fresh.ranges = {{0, 1, true, false}, {-2, 0.5, false, true}};
  fresh.program = Hash128{1, 2};
  fresh.parents = {7, 0};
  fresh.operation = "insert";
  duplicate.index = 1;
  duplicate.duplicate_of = 0;
  duplicate.program = Hash128{3, 4};
  rejected.index = 2;
  rejected.rejected_by = Filter::no_effect;
  const std::vector<CandidateRecord> records = {fresh, duplicate, rejected};
  for (const CandidateRecord& record : records) log.Proposed(record, nullptr);
  const std::vector<ToldSlot> slots = {{Outcome::Ok(0.25), {0.5, 0.75}},
                                       {Outcome::Diverged(), {0.5}},
                                       {Outcome::Failed(), {}},
                                       {Outcome::Stopped(1, 0.125), {0.5, 0.125}}};
  for (uint64_t slot = 0; slot < slots.size(); ++slot) log.Told(slot, slots[slot]);
  ASSERT_TRUE(store.Write(log.TakeUnwritten()).ok());

  std::vector<CandidateRecord> read;
  const auto visit = [&](const CandidateRecord& record) {
    read.push_back(record);
    return absl::OkStatus();
  };
  EXPECT_TRUE(log.ForEachCandidate(visit).ok());
  EXPECT_TRUE(read == records);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(*log.Candidate(i) == records[i]) << i;
  EXPECT_TRUE(*log.ToldSlots() == slots);

  WriteBatch damage;
  damage.Delete(Kind::kOutcomes, OutcomeKey(5, 1, 1));
  ASSERT_TRUE(store.Write(damage).ok());
  EXPECT_TRUE(absl::IsDataLoss(log.ToldSlots().status())) << "one in the middle is missing";
}

// A job that another version of the engine began is not gone on with.
TEST(JobRestart, AnotherEngineIsRefusedWithTheReason) {
  MemoryStore store;
  const JobId id = LeaveUnfinished(store, 20);
  v1::Job job;
  ASSERT_TRUE(job.ParseFromString(store.Get(Kind::kJobs, JobKey(id))->value()));
  job.set_engine_version(kEngineVersion + 1);
  WriteBatch batch;
  batch.Put(Kind::kJobs, JobKey(id), job.SerializeAsString());
  ASSERT_TRUE(store.Write(batch).ok());
  Life life(store);
  life.AddWorkers(1);
  const v1::Job refused = *life.Board().Get(id);
  EXPECT_EQ(refused.state(), v1::Job::PAUSED);
  EXPECT_THAT(refused.state_reason(), HasSubstr("it began with engine 2 and language 1"));
  const absl::Status status = life.Board().ResumeJob(id).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "ENGINE_MISMATCH");
  EXPECT_TRUE(life.Board().CancelJob(id).ok());
}

// Servers of schema version 1 logged outcomes with their candidates, and no proposals.
TEST(JobRestart, AJobOfAServerWithoutALogStartsAnew) {
  const End expected = Undisturbed(SmallJob());
  MemoryStore store;
  JobId id = 0;
  {
    Life life(store);  // without workers nothing is proposed
    id = life.Create(SmallJob());
    life.WaitUntil(id, [](const v1::Job& job) { return job.has_start_time(); });
  }
  v1::Job job;
  ASSERT_TRUE(job.ParseFromString(store.Get(Kind::kJobs, JobKey(id))->value()));
  job.clear_engine_version();
  job.clear_language_version();
  v1::Candidate candidate;
  candidate.set_index(0);
  candidate.set_slot(0);
  candidate.set_outcome(v1::Candidate::OK);
  candidate.set_objective(2);
  WriteBatch batch;
  batch.Put(Kind::kJobs, JobKey(id), job.SerializeAsString());
  batch.Put(Kind::kCandidates, CandidateKey(id, 0), candidate.SerializeAsString());
  ASSERT_TRUE(store.Write(batch).ok());
  ASSERT_EQ(ReadCandidates(store, id, 0, 10)->front().objective(), 2);
  Life life(store);
  life.AddWorkers(1);
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  ExpectEqual(EndOf(store, life, id), expected);
}

// The specs and tasks that an earlier version stored lack fields that have come since.
TEST(JobRestart, AJobOfAServerThatKnewFewerFieldsGoesOn) {
  const End expected = Undisturbed(LongJob());
  MemoryStore store;
  const JobId id = LeaveUnfinished(store, 20);
  v1::JobSpec spec;
  ASSERT_TRUE(spec.ParseFromString(store.Get(Kind::kJobSpecs, JobSpecKey(id))->value()));
  spec.mutable_strategy()->clear_islands();
  spec.mutable_strategy()->clear_migration_interval();
  const auto shorten = [](v1::Task& task) {
    task.clear_label_noise();
    task.clear_warmup_steps();
    task.clear_target_loss();
  };
  shorten(*spec.mutable_task());
  WriteBatch batch;
  batch.Put(Kind::kJobSpecs, JobSpecKey(id), spec.SerializeAsString());
  const auto evaluations = store.Scan(Kind::kEvaluations, "", "", 100000);
  ASSERT_FALSE(evaluations->empty());
  for (const auto& [key, bytes] : *evaluations) {
    v1::Evaluation evaluation;
    ASSERT_TRUE(evaluation.ParseFromString(bytes));
    shorten(*evaluation.mutable_task());
    batch.Put(Kind::kEvaluations, key, evaluation.SerializeAsString());
  }
  ASSERT_TRUE(store.Write(batch).ok());
  Life life(store);
  life.AddWorkers(1);
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  ExpectEqual(EndOf(store, life, id), expected);
  for (const auto& [key, bytes] : *evaluations) {
    v1::Evaluation evaluation;
    ASSERT_TRUE(evaluation.ParseFromString(store.Get(Kind::kEvaluations, key)->value()));
    EXPECT_FALSE(evaluation.task().has_label_noise()) << "it was found, and not run again";
  }
}

}  // namespace
}  // namespace lathe
