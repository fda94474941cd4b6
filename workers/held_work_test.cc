#include "workers/held_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Leases of items first .. last; the hash of item 7 is "h7".
v1::LeaseEvaluationsResponse Leases(int first, int last) {
  v1::LeaseEvaluationsResponse leases;
  for (int item = first; item <= last; ++item) {
    v1::Lease& lease = *leases.add_leases();
    lease.mutable_token()->set_epoch(3);
    lease.mutable_token()->set_item(item);
    lease.mutable_token()->set_grant(1);
    lease.mutable_item()->set_program_hash("h" + std::to_string(item));
  }
  return leases;
}

v1::RecordHeartbeatResponse Ended(std::initializer_list<int> items) {
  v1::RecordHeartbeatResponse response;
  for (int item : items) *response.add_ended() = Leases(item, item).leases(0).token();
  return response;
}

std::vector<std::string> Hashes(const std::vector<v1::EvaluatorItem>& items) {
  std::vector<std::string> hashes;
  for (const v1::EvaluatorItem& item : items) hashes.push_back(item.item().program_hash());
  return hashes;
}

std::vector<int64_t> Items(const std::vector<v1::LeaseToken>& tokens) {
  std::vector<int64_t> items;
  for (const v1::LeaseToken& token : tokens) items.push_back(token.item());
  return items;
}

TEST(HeldWork, AsksForABatchAndForAnotherWhileOneRuns) {
  HeldWork held(8);
  EXPECT_EQ(held.WaitForRoom(), 8);
  held.Add(Leases(1, 5), 0);
  EXPECT_EQ(held.WaitForRoom(), 3);
  EXPECT_EQ(held.TakeBatch().size(), 5u);
  EXPECT_EQ(held.WaitForRoom(), 8);
  held.Add(Leases(6, 8), 0);
  EXPECT_EQ(held.WaitForRoom(), 5);
  HeldWork narrow(1);
  narrow.Add(Leases(1, 1), 0);
  narrow.TakeBatch();
  EXPECT_EQ(narrow.WaitForRoom(), 1);
}

TEST(HeldWork, WaitsForRoomUntilABatchIsTaken) {
  HeldWork held(2);
  held.Add(Leases(1, 2), 0);
  auto room = std::async(std::launch::async, [&] { return held.WaitForRoom(); });
  EXPECT_EQ(room.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  held.TakeBatch();
  EXPECT_EQ(room.get(), 2);
}

TEST(HeldWork, GivesOutTheOldestItemsFirstAndAtMostABatch) {
  HeldWork held(3);
  held.Add(Leases(1, 2), 0);
  held.Add(Leases(3, 4), 0);
  EXPECT_THAT(Hashes(held.TakeBatch()), ElementsAre("h1", "h2", "h3"));
  EXPECT_THAT(Hashes(held.TakeBatch()), ElementsAre("h4"));
}

TEST(HeldWork, HoldsAnItemUntilItsResultIsAcknowledged) {
  HeldWork held(2);
  held.Add(Leases(1, 3), 0);
  const auto batch = held.TakeBatch();
  held.Finish(batch[1].id(), {});
  EXPECT_THAT(Items(held.Tokens()), ElementsAre(1, 2, 3));
  const auto finished = held.WaitForFinished(10);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].result.token().item(), 2);
  EXPECT_EQ(finished[0].result.token().epoch(), 3);
  EXPECT_EQ(finished[0].result.program_hash(), "h2");
  EXPECT_EQ(held.WaitForFinished(10).size(), 1u) << "not acknowledged yet";
  EXPECT_EQ(held.Unacknowledged(), 1u);
  held.Acknowledge({finished[0].id});
  EXPECT_EQ(held.Unacknowledged(), 0u);
  EXPECT_THAT(Items(held.Tokens()), ElementsAre(1, 3));
}

TEST(HeldWork, HandsOutTogetherWhatComesTogether) {
  HeldWork held(3, std::chrono::hours(1));
  held.Add(Leases(1, 3), 0);
  const auto batch = held.TakeBatch();
  auto finished = std::async(std::launch::async, [&] { return held.WaitForFinished(10); });
  held.Finish(batch[0].id(), {});
  held.Finish(batch[2].id(), {});
  EXPECT_EQ(finished.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  held.Finish(batch[1].id(), {});
  EXPECT_EQ(finished.get().size(), 3u);
}

TEST(HeldWork, DoesNotWaitForSlowOnes) {
  HeldWork held(2);
  held.Add(Leases(1, 2), 0);
  const auto batch = held.TakeBatch();
  held.Finish(batch[0].id(), {});
  EXPECT_EQ(held.WaitForFinished(2).size(), 1u);
}

TEST(HeldWork, HandsOutResultsInBounds) {
  HeldWork held(4);
  held.Add(Leases(1, 4), 0);
  for (const auto& item : held.TakeBatch()) held.Finish(item.id(), {});
  EXPECT_EQ(held.WaitForFinished(3).size(), 3u);
}

TEST(HeldWork, LeasesThatAreOverAreForgottenUnlessThereIsAResult) {
  HeldWork held(2);
  held.Add(Leases(1, 4), 0);
  const auto batch = held.TakeBatch();
  held.Finish(batch[0].id(), {});
  // 1 is finished, 2 runs, 3 and 4 are queued.
  EXPECT_THAT(held.ForgetEnded(Ended({1, 2, 3, 99}).ended()), ElementsAre(batch[1].id()));
  EXPECT_THAT(Items(held.Tokens()), ElementsAre(1, 4));
  held.Finish(batch[1].id(), {});
  EXPECT_EQ(held.WaitForFinished(10).size(), 1u);
  EXPECT_THAT(Hashes(held.TakeBatch()), ElementsAre("h4"));
}

TEST(HeldWork, ATokenOfAnotherGrantOrEpochIsAnotherLease) {
  HeldWork held(2);
  held.Add(Leases(1, 1), 0);
  v1::RecordHeartbeatResponse ended = Ended({1, 1});
  ended.mutable_ended(0)->set_grant(2);
  ended.mutable_ended(1)->set_epoch(4);
  held.ForgetEnded(ended.ended());
  EXPECT_THAT(Items(held.Tokens()), ElementsAre(1));
}

TEST(HeldWork, StopsAskingWhileResultsPileUp) {
  HeldWork held(32);
  for (int i = 0; i < 4; ++i) {
    held.Add(Leases(32 * i + 1, 32 * i + 32), 0);
    for (const auto& item : held.TakeBatch()) held.Finish(item.id(), {});
    if (i < 3) {
      EXPECT_EQ(held.WaitForRoom(), 32);
    }
  }
  auto room = std::async(std::launch::async, [&] { return held.WaitForRoom(); });
  EXPECT_EQ(room.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  held.Acknowledge({held.WaitForFinished(1)[0].id});
  EXPECT_GT(room.get(), 0);
}

TEST(HeldWork, CloseForgetsWhatHasNotBeenStartedAndLetsTheRestFinish) {
  HeldWork held(2);
  held.Add(Leases(1, 3), 0);
  const auto batch = held.TakeBatch();
  held.Close();
  EXPECT_EQ(held.WaitForRoom(), 0);
  held.Add(Leases(7, 7), 0);
  EXPECT_THAT(Items(held.Tokens()), ElementsAre(1, 2));
  EXPECT_THAT(held.TakeBatch(), IsEmpty());
  held.Finish(batch[0].id(), {});
  held.EndEvaluating();
  EXPECT_THAT(Items(held.Tokens()), ElementsAre(1));
  const auto finished = held.WaitForFinished(10);
  ASSERT_EQ(finished.size(), 1u);
  held.Acknowledge({finished[0].id});
  EXPECT_THAT(held.WaitForFinished(10), IsEmpty());
}

TEST(HeldWork, WhatWasGrantedBeforeTheQueueWasForgottenIsNotTaken) {
  HeldWork held(2);
  held.Add(Leases(1, 2), held.Generation());
  EXPECT_EQ(held.TakeBatch().size(), 2u);
  const uint64_t before = held.Generation();
  held.Add(Leases(3, 3), before);
  held.ForgetQueued();
  EXPECT_EQ(held.Tokens().size(), 2u) << "what runs stays";
  held.Add(Leases(4, 4), before);
  EXPECT_EQ(held.Tokens().size(), 2u);
  held.Add(Leases(5, 5), held.Generation());
  EXPECT_EQ(held.Tokens().size(), 3u);
}

TEST(HeldWork, CloseWakesWhoeverWaits) {
  HeldWork held(2);
  auto batch = std::async(std::launch::async, [&] { return held.TakeBatch(); });
  auto finished = std::async(std::launch::async, [&] { return held.WaitForFinished(1); });
  held.EndEvaluating();
  EXPECT_THAT(batch.get(), IsEmpty());
  EXPECT_TRUE(finished.get().empty());
}

}  // namespace
}  // namespace lathe
