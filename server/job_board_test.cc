#include "server/job_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rpc/status.h"
#include "server/resource_names.h"
#include "server/search_log.h"
#include "server/store/faulty_store.h"
#include "server/store/memory_store.h"
#include "server/testing/server_life.h"

namespace lathe {
namespace {

using testing::HasSubstr;

class JobBoardTest : public testing::Test {
 protected:
  FaultyStore store_{std::make_shared<MemoryStore>()};
};

// Every other evaluation of a store, and all programs, in another one.
std::unique_ptr<MemoryStore> HalfOf(const Store& store) {
  auto half = std::make_unique<MemoryStore>();
  WriteBatch batch;
  const auto evaluations = store.Scan(Kind::kEvaluations, "", "", 1000000);
  for (size_t i = 0; i < evaluations->size(); i += 2) {
    batch.Put(Kind::kEvaluations, (*evaluations)[i].first, (*evaluations)[i].second);
  }
  const auto programs = store.Scan(Kind::kPrograms, "", "", 1000000);
  for (const auto& [key, value] : *programs) batch.Put(Kind::kPrograms, key, value);
  EXPECT_TRUE(half->Write(batch).ok());
  return half;
}

TEST_F(JobBoardTest, TheTrajectoryDoesNotDependOnWorkersBatchesOrWhatIsKnown) {
  std::set<std::string> hashes, verdicts;
  const auto run = [&](Store& store, int workers, int batch) {
    Life life(store);
    life.AddWorkers(workers, batch);
    const v1::JobReport report = life.RunToReport(SmallJob(/*with_study=*/true));
    hashes.insert(report.trajectory_hash());
    ASSERT_EQ(report.study().arenas_size(), 1);
    verdicts.insert(report.study().arenas(0).verdict());
    EXPECT_EQ(report.evaluations().run(), life.Evaluated());
    EXPECT_TRUE(report.reproducible());
  };
  std::unique_ptr<MemoryStore> half;
  for (int workers : {1, 2, 4}) {
    for (int batch : {1, 7, 32}) {
      MemoryStore store;
      run(store, workers, batch);
      if (half == nullptr) half = HalfOf(store);
    }
  }
  run(*half, 2, 7);
  EXPECT_EQ(hashes.size(), 1u);
  EXPECT_EQ(verdicts.size(), 1u);
}

// One program in 30 ends its evaluator whenever it is tried.
TEST_F(JobBoardTest, WhatCannotBeEvaluatedIsRecordedAsFailedAndTheJobGoesOn) {
  const auto poisoned = [](const v1::EvaluationItem& item) {
    return HashBytes(item.program_text()).low % 30 == 0;
  };
  JobId id = 0;
  {
    Life life(store_);
    id = life.Create(SmallJob());
    life.AddWorkers(2, 4, nullptr, poisoned);
    life.WaitUntil(
        id, [](const v1::Job& job) { return job.progress().candidates().evaluated() >= 60; });
  }
  Life life(store_);
  life.AddWorkers(2, 4, nullptr, poisoned);
  const v1::Job job = life.WaitForEnd(id);
  EXPECT_EQ(job.state(), v1::Job::SUCCEEDED) << job.state_reason();
  const v1::JobReport report = life.Report(id);
  uint64_t failed = 0;
  const auto candidates = ReadCandidates(store_, id, 0, 100000);
  for (const v1::Candidate& candidate : *candidates) {
    if (candidate.outcome() != v1::Candidate::FAILED) continue;
    failed += candidate.has_slot();
    const std::string program = candidate.program().substr(candidate.program().find('/') + 1);
    EXPECT_EQ(ParseHash(program)->low % 30, 0u);
  }
  EXPECT_GT(failed, 0u);
  EXPECT_LT(failed, 30u);
  EXPECT_EQ(report.candidates().failed(), failed);
  EXPECT_EQ(report.failed_evaluations(), failed);
  EXPECT_FALSE(report.reproducible());
  // Nothing of them is known to other jobs.
  const auto evaluations = store_.Scan(Kind::kEvaluations, "", "", 100000);
  for (const auto& [key, value] : *evaluations) {
    EXPECT_NE(ParseEvaluationKey(key)->program.low % 30, 0u);
  }
  MemoryStore healthy_store;
  Life healthy(healthy_store);
  healthy.AddWorkers(1);
  EXPECT_NE(healthy.RunToReport(SmallJob()).trajectory_hash(), report.trajectory_hash());
}

TEST_F(JobBoardTest, TheStoreAnswersWhatItKnowsAndOnlyThat) {
  Life life(store_);
  life.AddWorkers(2);
  const v1::JobReport first = life.RunToReport(SmallJob(/*with_study=*/true));
  EXPECT_GT(first.evaluations().run(), 0u);
  const uint64_t before = life.Evaluated();

  const v1::JobReport again = life.RunToReport(SmallJob(/*with_study=*/true));
  EXPECT_EQ(again.trajectory_hash(), first.trajectory_hash());
  EXPECT_EQ(again.evaluations().run(), 0u);
  EXPECT_EQ(life.Evaluated(), before);

  v1::JobSpec doubled = SmallJob();
  doubled.mutable_budget()->set_evaluations(240);
  const v1::JobReport more = life.RunToReport(doubled);
  EXPECT_EQ(more.candidates().evaluated(), 240u);
  EXPECT_GT(more.evaluations().run(), 0u);
  MemoryStore empty;
  Life fresh(empty);
  fresh.AddWorkers(2);
  const v1::JobReport whole = fresh.RunToReport(doubled);
  EXPECT_EQ(whole.trajectory_hash(), more.trajectory_hash());
  EXPECT_LT(more.evaluations().run(), whole.evaluations().run());

  v1::JobSpec other_task = SmallJob();
  other_task.mutable_task()->set_seed(99);
  EXPECT_EQ(life.RunToReport(other_task).evaluations().from_store(), 0u);
}

TEST_F(JobBoardTest, EveryCandidateIsRecordedWithItsProgram) {
  Life life(store_);
  life.AddWorkers(2);
  const JobId id = life.Create(SmallJob());
  life.WaitForEnd(id);
  const v1::JobReport report = life.Report(id);
  const auto candidates = ReadCandidates(store_, id, 0, 100000);
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  ASSERT_EQ(candidates->size(), report.candidates().proposed());
  uint64_t slots = 0, best_seen = 0;
  for (size_t i = 0; i < candidates->size(); ++i) {
    const v1::Candidate& candidate = (*candidates)[i];
    EXPECT_NE(candidate.outcome(), v1::Candidate::OUTCOME_UNSPECIFIED);
    EXPECT_EQ(candidate.index(), i);
    slots += candidate.has_slot();
    best_seen += candidate.index() == report.best().candidate() &&
                 candidate.objective() == report.best().objective();
    if (candidate.program().empty()) continue;
    const auto hash = ParseProgramName(candidate.program(), "name");
    ASSERT_TRUE(hash.ok());
    EXPECT_TRUE(store_.Get(Kind::kPrograms, ProgramKey(*hash))->has_value());
  }
  EXPECT_EQ(slots, 120u);
  EXPECT_EQ(best_seen, 1u);
  EXPECT_EQ(life.Metric().candidates_proposed.Value(), report.candidates().proposed());
  EXPECT_EQ(life.Metric().candidates_evaluated.Value(), 120);
}

TEST_F(JobBoardTest, AnInterruptedJobIsTakenUpAgainAndRunsNothingTwice) {
  MemoryStore undisturbed_store;
  Life undisturbed(undisturbed_store);
  undisturbed.AddWorkers(1);
  const v1::JobReport expected = undisturbed.RunToReport(LongJob());
  JobId id = 0;
  EvaluationAudit audit;
  for (uint64_t share : {50, 300}) {
    Life life(store_);
    if (id == 0) id = life.Create(LongJob());
    life.AddWorkers(2, 4, &audit);
    life.WaitUntil(
        id, [&](const v1::Job& job) { return job.progress().candidates().evaluated() >= share; });
    life.Board().Stop();
    EXPECT_EQ(life.Board().Get(id)->state(), v1::Job::RUNNING);
  }
  {
    // Its workers have noted everything once they are gone.
    Life life(store_);
    life.AddWorkers(2, 4, &audit);
    EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
    EXPECT_EQ(life.Report(id).trajectory_hash(), expected.trajectory_hash());
  }
  EXPECT_EQ(audit.RunAgain(), 0u);
  EXPECT_EQ(audit.Size(), expected.evaluations().run());
}

TEST_F(JobBoardTest, AnUnfinishedJobIsAbandonedWhereThatIsAskedFor) {
  JobId id = 0;
  {
    Life life(store_);
    id = life.Create(SmallJob());
  }
  Life life(store_, Unfinished::kAbandon);
  life.AddWorkers(1);
  EXPECT_EQ(life.Board().Get(id)->state(), v1::Job::CANCELLED);
  EXPECT_EQ(life.Board().Live(id), nullptr);
}

TEST_F(JobBoardTest, AJobWithoutWorkersSaysWhatItWaitsFor) {
  Life life(store_);
  const JobId id = life.Create(SmallJob());
  const v1::Job waits =
      life.WaitUntil(id, [](const v1::Job& job) { return !job.waiting_for().empty(); });
  EXPECT_EQ(waits.state(), v1::Job::RUNNING);
  EXPECT_THAT(waits.waiting_for(), HasSubstr("digits"));
  life.AddWorkers(1);
  const v1::Job done = life.WaitForEnd(id);
  EXPECT_EQ(done.state(), v1::Job::SUCCEEDED);
  EXPECT_EQ(done.waiting_for(), "");
  EXPECT_EQ(done.numeric_class(), "synthetic");
}

TEST_F(JobBoardTest, AJobOfAnotherClassWaitsForItsOwn) {
  Life life(store_);
  life.AddWorkers(1);
  v1::JobSpec spec = SmallJob();
  spec.set_numeric_class("elsewhere");
  const JobId id = life.Create(spec);
  const v1::Job waits =
      life.WaitUntil(id, [](const v1::Job& job) { return !job.waiting_for().empty(); });
  EXPECT_THAT(waits.waiting_for(), HasSubstr("elsewhere"));
  EXPECT_EQ(life.Evaluated(), 0u);
}

TEST_F(JobBoardTest, CancellingEndsAJobThatRunsAndOnlyOnce) {
  Life life(store_);
  const JobId id = life.Create(SmallJob());  // waits for a worker
  EXPECT_TRUE(life.Board().CancelJob(id).ok());
  const v1::Job job = life.WaitForEnd(id);
  EXPECT_EQ(job.state(), v1::Job::CANCELLED);
  EXPECT_TRUE(job.has_end_time());
  const absl::Status again = life.Board().CancelJob(id).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(again), "JOB_HAS_ENDED");
  EXPECT_EQ(ReasonOf(life.Board().CancelJob(id + 1).status()), "JOB_NOT_FOUND");
}

TEST_F(JobBoardTest, JobsBeyondTheSlotsWaitTheirTurn) {
  Life life(store_);
  std::vector<JobId> ids;
  for (int i = 0; i < kJobSlots + 2; ++i) {
    v1::JobSpec spec = SmallJob();
    spec.mutable_budget()->set_evaluations(2);
    ids.push_back(life.Create(spec));
  }
  EXPECT_EQ(life.Board().Get(ids[kJobSlots])->state(), v1::Job::QUEUED);
  EXPECT_TRUE(life.Board().CancelJob(ids[kJobSlots]).ok());
  EXPECT_EQ(life.Board().Get(ids[kJobSlots])->state(), v1::Job::CANCELLED);
  life.AddWorkers(2);
  for (JobId id : ids) {
    EXPECT_EQ(life.WaitForEnd(id).state(),
              id == ids[kJobSlots] ? v1::Job::CANCELLED : v1::Job::SUCCEEDED);
  }
}

TEST_F(JobBoardTest, ARequestIdMakesOneJob) {
  Life life(store_);
  const JobId id = life.Create(SmallJob(), "4f1c");
  EXPECT_EQ(life.Create(SmallJob(), "4f1c"), id);
  EXPECT_NE(life.Create(SmallJob(), "other"), id);
  v1::CreateJobRequest request;
  *request.mutable_spec() = SmallJob();
  request.mutable_spec()->set_seed(6);
  request.set_request_id("4f1c");
  EXPECT_EQ(ReasonOf(life.Board().Create(request).status()), "REQUEST_ID_REUSED");
  request.set_request_id("with space");
  EXPECT_EQ(ReasonOf(life.Board().Create(request).status()), "REQUEST_ID_INVALID");
  request.set_request_id(std::string(65, 'x'));
  EXPECT_EQ(ReasonOf(life.Board().Create(request).status()), "REQUEST_ID_INVALID");
}

TEST_F(JobBoardTest, DataThatAWorkerCannotUseAreRefusedWithTheReason) {
  Life life(store_);
  v1::RegisterWorkerRequest worker;
  worker.mutable_worker()->set_display_name("w");
  worker.mutable_worker()->set_numeric_class("c");
  worker.mutable_worker()->set_batch(1);
  v1::MissingDataset& missing = *worker.mutable_worker()->add_missing_datasets();
  missing.set_name("mine");
  missing.set_reason("/data/mine: is cut off");
  ASSERT_TRUE(life.Desk().Register(worker).ok());
  v1::CreateJobRequest request;
  *request.mutable_spec() = SmallJob();
  request.mutable_spec()->mutable_task()->set_dataset("mine");
  const absl::Status status = life.Board().Create(request).status();
  EXPECT_EQ(ReasonOf(status), "SPEC_INVALID");
  EXPECT_THAT(std::string(status.message()),
              testing::EndsWith("data directory; w says: /data/mine: is cut off"));
}

// A worker that has other data under the name "mine" for every content.
void DeclareData(Life& life, char content) {
  v1::RegisterWorkerRequest request;
  request.mutable_worker()->set_display_name("w");
  request.mutable_worker()->set_numeric_class("other");
  request.mutable_worker()->set_batch(1);
  v1::WorkerDataset& dataset = *request.mutable_worker()->add_datasets();
  dataset.set_name("mine");
  dataset.set_content_hash(std::string(32, content));
  v1::DatasetDescription& data = *dataset.mutable_data();
  data.set_content_hash(dataset.content_hash());
  data.set_examples(1797);
  data.add_shape(4);
  data.set_classes(3);
  ASSERT_TRUE(life.Desk().Register(request).ok());
}

TEST_F(JobBoardTest, AJobKeepsTheDataThatItsNameMeantAtFirst) {
  v1::JobSpec spec = SmallJob();
  spec.mutable_task()->set_dataset("mine");
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec;
  JobId id = 0;
  {
    Life life(store_);
    const absl::Status unknown = life.Board().Create(request).status();
    EXPECT_EQ(ReasonOf(unknown), "SPEC_INVALID");
    EXPECT_THAT(std::string(unknown.message()), HasSubstr("known: digits; `lathe data add`"));
    DeclareData(life, 'a');
    id = life.Create(spec, "first");
    EXPECT_EQ(life.Board().Get(id)->spec().task().data().content_hash(), std::string(32, 'a'));
    DeclareData(life, 'b');
    EXPECT_EQ(life.Create(spec, "first"), id) << "the request means what it meant";
    const JobId other = life.Create(spec, "second");
    EXPECT_EQ(life.Board().Get(other)->spec().task().data().content_hash(), std::string(32, 'b'));
  }
  Life life(store_);  // which no worker has told of any data
  EXPECT_TRUE(life.Restored().ok()) << life.Restored();
  EXPECT_EQ(life.Board().Get(id)->spec().task().data().content_hash(), std::string(32, 'a'));
  EXPECT_EQ(life.Create(spec, "first"), id);
  const v1::Job waiting =
      life.WaitUntil(id, [](const v1::Job& job) { return !job.waiting_for().empty(); });
  EXPECT_THAT(waiting.waiting_for(), HasSubstr("mine (content " + std::string(32, 'a') + ")"));
}

TEST_F(JobBoardTest, AWrongSpecNamesTheFieldAndLeavesNothing) {
  Life life(store_);
  const uint64_t writes = store_.Writes();
  v1::CreateJobRequest request;
  *request.mutable_spec() = SmallJob();
  request.mutable_spec()->mutable_strategy()->set_tournament(1000);
  const absl::Status status = life.Board().Create(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), "SPEC_INVALID");
  EXPECT_THAT(std::string(status.message()), HasSubstr("strategy.tournament"));
  EXPECT_EQ(store_.Writes(), writes);
}

TEST_F(JobBoardTest, WhileTheStoreCannotBeWrittenJobsAreRefusedAndThoseThatRunWait) {
  Life life(store_);
  life.AddWorkers(2);
  const JobId id = life.Create(LongJob());
  life.WaitUntil(id,
                 [](const v1::Job& job) { return job.progress().candidates().evaluated() >= 10; });
  store_.FailWrites(absl::ResourceExhaustedError("the disk is full"));
  v1::CreateJobRequest request;
  *request.mutable_spec() = SmallJob();
  const absl::Status refused = life.Board().Create(request).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "STORE_WRITE_FAILED");
  // Those who watch are not told: what they are told is in the store.
  while (life.Board().Get(id)->waiting_for() != "the store cannot be written: the disk is full") {
    std::this_thread::yield();
  }
  EXPECT_EQ(life.Board().Get(id)->state(), v1::Job::RUNNING);
  store_.FailWrites(absl::OkStatus());
  EXPECT_EQ(life.WaitForEnd(id).state(), v1::Job::SUCCEEDED);
  MemoryStore undisturbed;
  Life other(undisturbed);
  other.AddWorkers(1);
  EXPECT_EQ(life.Report(id).trajectory_hash(), other.RunToReport(LongJob()).trajectory_hash());
}

TEST_F(JobBoardTest, TheLogTellsWhatHappened) {
  Life life(store_);
  life.AddWorkers(1);
  const JobId id = life.Create(SmallJob());
  life.WaitForEnd(id);
  auto entries = store_.Scan(Kind::kLogEntries, LogEntryKey(id, 0), LogEntryKey(id + 1, 0), 1000);
  std::string log;
  for (size_t i = 0; i < entries->size(); ++i) {
    v1::LogEntry entry;
    ASSERT_TRUE(entry.ParseFromString((*entries)[i].second));
    EXPECT_EQ(entry.sequence(), static_cast<int64_t>(i));
    log += entry.message() + "\n";
  }
  EXPECT_THAT(log, HasSubstr("created"));
  EXPECT_THAT(log, HasSubstr("numeric class synthetic"));
  EXPECT_THAT(log, HasSubstr("budget.evaluations"));
}

}  // namespace
}  // namespace lathe
