#include "server/verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "rpc/status.h"
#include "server/search_log.h"
#include "server/store/memory_store.h"
#include "server/testing/server_life.h"

namespace lathe {
namespace {

using testing::HasSubstr;

const auto kNever = [] { return false; };

class VerificationTest : public testing::Test {
 protected:
  VerificationTest() : life_(store_) {
    life_.AddWorkers(2, 4);
    id_ = life_.Create(SmallJob());
    life_.WaitForEnd(id_);
  }

  struct Told {
    std::vector<v1::VerifyJobResponse> responses;
    absl::Status status;
  };
  Told Verify(int sample, uint64_t seed = 1) {
    v1::VerifyJobRequest request;
    request.set_name(JobName(id_));
    request.set_sample(sample);
    request.set_seed(seed);
    Told told;
    told.status = VerifyJob(
        store_, life_.Board(), life_.Desk(), life_.Metric(), request,
        [&](const v1::VerifyJobResponse& response) {
          told.responses.push_back(response);
          return true;
        },
        kNever);
    return told;
  }

  MemoryStore store_;
  Life life_;
  JobId id_ = 0;
};

TEST_F(VerificationTest, RepeatsADrawAndFindsEveryBit) {
  const double run = life_.Metric().evaluations.Value();
  const size_t recorded = store_.Scan(Kind::kEvaluations, "", "", 100000)->size();
  const uint64_t evaluated = life_.Evaluated();
  const Told told = Verify(30);
  ASSERT_TRUE(told.status.ok()) << told.status;
  ASSERT_EQ(told.responses.size(), 30u);
  std::set<std::string> candidates;
  for (const v1::VerifyJobResponse& response : told.responses) {
    EXPECT_TRUE(response.equal()) << response.DebugString();
    EXPECT_EQ(response.sample(), 30);
    EXPECT_GT(response.repeated_size(), 0);
    EXPECT_EQ(response.repeated_size(), response.recorded_size());
    candidates.insert(response.candidate());
  }
  EXPECT_EQ(candidates.size(), 30u);
  // It was work, and is counted apart.
  EXPECT_GT(life_.Evaluated(), evaluated);
  EXPECT_EQ(life_.Metric().evaluations.Value(), run);
  EXPECT_EQ(life_.Metric().evaluations_repeated.Value(), life_.Evaluated() - evaluated);
  EXPECT_EQ(store_.Scan(Kind::kEvaluations, "", "", 100000)->size(), recorded);

  const Told again = Verify(30), other = Verify(30, 2);
  std::set<std::string> again_candidates, other_candidates;
  for (const auto& response : again.responses) again_candidates.insert(response.candidate());
  for (const auto& response : other.responses) other_candidates.insert(response.candidate());
  EXPECT_EQ(again_candidates, candidates);
  EXPECT_NE(other_candidates, candidates);
  EXPECT_EQ(Verify(10000).responses.size(), 120u) << "all that were evaluated";
}

// Candidates end at a hurdle with a task of its own, at the race, or after all seeds.
TEST_F(VerificationTest, RepeatsWhatDecidedAboutACandidate) {
  v1::JobSpec spec = SmallJob();
  spec.set_seed(11);
  for (const auto& [steps, seeds] : {std::pair{20, 1}, {0, 1}}) {
    v1::Hurdle& hurdle = *spec.add_hurdles();
    if (steps > 0) hurdle.mutable_task()->set_steps(static_cast<uint32_t>(steps));
    hurdle.mutable_task()->set_seeds(static_cast<uint32_t>(seeds));
    hurdle.set_window(16);
    hurdle.set_least(4);
  }
  spec.mutable_task()->set_seeds(3);
  id_ = life_.Create(spec);
  life_.WaitForEnd(id_);
  const Told told = Verify(10000);
  ASSERT_TRUE(told.status.ok()) << told.status;
  EXPECT_EQ(told.responses.size(), 120u);
  std::map<int, int> seeds_of;
  for (const v1::VerifyJobResponse& response : told.responses) {
    EXPECT_TRUE(response.equal()) << response.DebugString();
    ++seeds_of[response.repeated_size()];
  }
  EXPECT_GT(seeds_of[1], 0) << "stopped";
  EXPECT_GT(seeds_of[3], 0);
}

TEST_F(VerificationTest, OneOtherBitIsADifference) {
  const auto entries = store_.Scan(Kind::kEvaluations, "", "", 100000);
  const std::string key = (*entries)[0].first;
  v1::Evaluation evaluation;
  ASSERT_TRUE(evaluation.ParseFromString((*entries)[0].second));
  evaluation.mutable_result()->set_objective(
      std::nextafter(evaluation.result().objective(), INFINITY));
  WriteBatch batch;
  batch.Put(Kind::kEvaluations, key, evaluation.SerializeAsString());
  ASSERT_TRUE(store_.Write(batch).ok());
  int different = 0;
  for (const v1::VerifyJobResponse& response : Verify(10000).responses) {
    different += !response.equal();
    EXPECT_EQ(response.problem(), "");
  }
  EXPECT_EQ(different, 1);
  WriteBatch removal;
  removal.Delete(Kind::kEvaluations, key);
  ASSERT_TRUE(store_.Write(removal).ok());
  int missing = 0;
  for (const v1::VerifyJobResponse& response : Verify(10000).responses) {
    missing += testing::Matches(HasSubstr("is not recorded"))(response.problem());
  }
  EXPECT_EQ(missing, 1);
}

TEST_F(VerificationTest, WhatCannotBeDrawnIsSaid) {
  EXPECT_EQ(ReasonOf(Verify(-1).status), "SAMPLE_INVALID");
  EXPECT_EQ(ReasonOf(Verify(10001).status), "SAMPLE_INVALID");
  v1::JobSpec spec = SmallJob();
  spec.set_numeric_class("elsewhere");
  const JobId evaluated = std::exchange(id_, life_.Create(spec));
  EXPECT_EQ(ReasonOf(Verify(5).status), "NOTHING_TO_VERIFY");
  id_ = evaluated + 1;
  EXPECT_EQ(ReasonOf(Verify(5).status), "JOB_NOT_FOUND");
}

TEST_F(VerificationTest, AReaderThatGoesDropsTheRest) {
  v1::VerifyJobRequest request;
  request.set_name(JobName(id_));
  request.set_sample(100);
  int told = 0;
  const absl::Status status = VerifyJob(
      store_, life_.Board(), life_.Desk(), life_.Metric(), request,
      [&](const v1::VerifyJobResponse&) { return ++told < 3; }, kNever);
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(told, 3);
  // The desk still works.
  v1::JobSpec other = SmallJob();
  other.set_seed(9);
  EXPECT_EQ(life_.RunToReport(other).candidates().evaluated(), 120u);
}

}  // namespace
}  // namespace lathe
