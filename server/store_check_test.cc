#include "server/store_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/store/memory_store.h"
#include "server/testing/server_life.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A store after a job with a study.
class StoreCheckTest : public testing::Test {
 protected:
  StoreCheckTest() {
    Life life(store_);
    life.AddWorkers(2);
    id_ = life.Create(SmallJob(/*with_study=*/true), "request");
    life.WaitForEnd(id_);
    WriteBatch batch;
    batch.Put(Kind::kMeta, std::string(kEpochKey), "3");
    EXPECT_TRUE(store_.Write(batch).ok());
  }

  std::vector<std::string> ProblemsAfter(const std::function<void(WriteBatch&)>& change) {
    WriteBatch batch;
    change(batch);
    EXPECT_TRUE(store_.Write(batch).ok());
    const auto check = CheckRecords(store_);
    EXPECT_TRUE(check.ok()) << check.status();
    return check->problems;
  }

  MemoryStore store_;
  JobId id_ = 0;
};

TEST_F(StoreCheckTest, AWholeStoreHasNoProblems) {
  const auto check = CheckRecords(store_);
  ASSERT_TRUE(check.ok());
  EXPECT_THAT(check->problems, ElementsAre());
  for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
    const bool may_be_empty = static_cast<Kind>(kind) == Kind::kCheckpoints;  // of a short job
    EXPECT_TRUE(check->records[kind] > 0 || may_be_empty) << kKindNames[kind];
  }
}

TEST_F(StoreCheckTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(ProblemsAfter([&](WriteBatch& batch) {
                batch.Delete(Kind::kCandidates, CandidateKey(id_, 7));
              }),
              ElementsAre(HasSubstr("the candidate before it is missing")));
  EXPECT_THAT(
      ProblemsAfter([&](WriteBatch& batch) { batch.Delete(Kind::kOutcomes, OutcomeKey(id_, 0)); }),
      ElementsAre(testing::_, HasSubstr("outcomes")));
  EXPECT_THAT(
      ProblemsAfter([&](WriteBatch& batch) { batch.Delete(Kind::kJobSpecs, JobSpecKey(id_)); }),
      ElementsAre(HasSubstr("the job has no spec"), testing::_, testing::_));
}

TEST_F(StoreCheckTest, WhatDoesNotFitIsNamed) {
  const std::string program = (*store_.Scan(Kind::kPrograms, "", "", 1))[0].first;
  EXPECT_THAT(ProblemsAfter([&](WriteBatch& batch) {
                batch.Put(Kind::kPrograms, program, "");
                batch.Put(Kind::kMeta, "other", "1");
                batch.Put(Kind::kRequests, "r", "short");
                batch.Put(Kind::kEvaluations, "short", "");
                batch.Put(Kind::kReports, ReportKey(id_), "\xff");
                batch.Put(Kind::kEvents, EventKey(id_, 1), "");
              }),
              testing::UnorderedElementsAre(
                  HasSubstr("its text has another hash"), HasSubstr("is not known"),
                  HasSubstr("names no job"), HasSubstr("a key that is none"),
                  HasSubstr("the value cannot be read"), HasSubstr("another revision")));
}

TEST_F(StoreCheckTest, ManyProblemsAreCounted) {
  WriteBatch batch;
  for (int i = 0; i < 150; ++i) batch.Put(Kind::kReports, std::to_string(i), "");
  ASSERT_TRUE(store_.Write(batch).ok());
  const auto check = CheckRecords(store_);
  EXPECT_EQ(check->problem_count, 150u);
  EXPECT_EQ(check->problems.size(), 100u);
}

}  // namespace
}  // namespace lathe
