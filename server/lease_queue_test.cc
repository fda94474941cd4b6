#include "server/lease_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr size_t kMany = 1000;
const absl::Duration kLease = absl::Seconds(10);

absl::Time At(double seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

const WorkNeeds kDigits = {"torch", "digits", "d1"};
const WorkNeeds kText = {"torch", "text", "t1"};
const WorkNeeds kOther = {"vm", "digits", "d1"};
const WorkerAbilities kDigitsWorker = {"torch", {{"digits", "d1"}}};
const WorkerAbilities kBothWorker = {"torch", {{"digits", "d1"}, {"text", "t1"}}};

std::vector<ItemId> Items(const std::vector<LeaseQueue::Grant>& grants) {
  std::vector<ItemId> items;
  for (const LeaseQueue::Grant& grant : grants) items.push_back(grant.item);
  return items;
}

// Items 1, 2, ... with these needs.
LeaseQueue QueueOf(const std::vector<WorkNeeds>& needs) {
  LeaseQueue queue(kLease);
  for (size_t i = 0; i < needs.size(); ++i) queue.Add(i + 1, needs[i]);
  return queue;
}

TEST(WorkerAbilitiesTest, MeetEqualNeedsOnly) {
  EXPECT_TRUE(kBothWorker.Meets(kDigits));
  EXPECT_TRUE(kBothWorker.Meets(kText));
  EXPECT_FALSE(kDigitsWorker.Meets(kText));
  EXPECT_FALSE(kDigitsWorker.Meets(kOther));
  EXPECT_FALSE(kDigitsWorker.Meets({"torch", "digits", "d2"}));
  EXPECT_FALSE(WorkerAbilities().Meets({}));
  const WorkNeeds net = {"torch", "digits", "d1", "conv_net"};
  EXPECT_FALSE(kBothWorker.Meets(net)) << "who says nothing trains mlp";
  const WorkerAbilities nets = {"torch", {{"digits", "d1"}}, {"conv_net", "transformer"}};
  EXPECT_TRUE(nets.Meets(net));
  EXPECT_FALSE(nets.Meets(kDigits));
}

TEST(LeaseQueueTest, LeasesTheOldestFirst) {
  LeaseQueue queue = QueueOf({kDigits, kDigits, kDigits});
  EXPECT_THAT(Items(queue.Lease(1, kDigitsWorker, 2, 1, At(0))), ElementsAre(1, 2));
  EXPECT_THAT(Items(queue.Lease(2, kDigitsWorker, 2, 1, At(0))), ElementsAre(3));
  EXPECT_THAT(queue.Lease(1, kDigitsWorker, 2, 1, At(0)), IsEmpty());
  EXPECT_EQ(queue.Queued(), 0u);
  EXPECT_EQ(queue.Leased(), 3u);
  EXPECT_EQ(queue.LeasedBy(1), 2u);
  EXPECT_EQ(queue.LeasedBy(2), 1u);
  EXPECT_EQ(queue.LeasedBy(3), 0u);
}

TEST(LeaseQueueTest, LeasesTheOldestOfSeveralNeeds) {
  LeaseQueue queue = QueueOf({kText, kDigits, kOther, kDigits, kText, kText, kDigits});
  EXPECT_THAT(Items(queue.Lease(1, kBothWorker, 4, 1, At(0))), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(Items(queue.Lease(1, kBothWorker, 4, 1, At(0))), ElementsAre(6, 7));
  EXPECT_FALSE(queue.HasWorkFor(kBothWorker));
  EXPECT_TRUE(queue.HasWorkFor({"vm", {{"digits", "d1"}}}));
  EXPECT_EQ(queue.Queued(), 1u);
}

TEST(LeaseQueueTest, AWorkerGetsItsShareRoundedUp) {
  for (const auto& [queued, peers, share] :
       std::vector<std::array<size_t, 3>>{{8, 1, 8}, {8, 3, 3}, {9, 3, 3}, {1, 64, 1}, {8, 0, 8}}) {
    LeaseQueue queue = QueueOf(std::vector<WorkNeeds>(queued, kDigits));
    for (ItemId other = 100; other < 120; ++other) queue.Add(other, kText);
    EXPECT_EQ(queue.Lease(1, kDigitsWorker, kMany, peers, At(0)).size(), share)
        << queued << " items, " << peers << " peers";
  }
}

TEST(LeaseQueueTest, ALeaseOfNothingGrantsNothing) {
  LeaseQueue queue = QueueOf({kDigits});
  EXPECT_THAT(queue.Lease(1, kDigitsWorker, 0, 1, At(0)), IsEmpty());
  EXPECT_THAT(queue.Lease(1, {}, kMany, 1, At(0)), IsEmpty());
  EXPECT_EQ(queue.Queued(), 1u);
  EXPECT_EQ(queue.NextDeadline(), std::nullopt);
}

TEST(LeaseQueueTest, GrantsAreNumbered) {
  LeaseQueue queue = QueueOf({kDigits});
  EXPECT_EQ(queue.Grants(1), 0u);
  for (uint64_t number = 1; number <= 3; ++number) {
    const auto grants = queue.Lease(number, kDigitsWorker, 1, 1, At(0));
    ASSERT_EQ(grants.size(), 1u);
    EXPECT_EQ(grants[0].number, number);
    EXPECT_EQ(queue.Grants(1), number);
    EXPECT_TRUE(queue.Holds(number, 1, number));
    EXPECT_FALSE(queue.Holds(number, 1, number - 1));
    EXPECT_FALSE(queue.Holds(number - 1, 1, number - 1));
    EXPECT_FALSE(queue.Holds(number + 1, 1, number));
    EXPECT_TRUE(queue.Return(number, 1, number));
    EXPECT_FALSE(queue.Holds(number, 1, number));
    EXPECT_FALSE(queue.Return(number, 1, number));
  }
  EXPECT_EQ(queue.Grants(2), 0u);
}

TEST(LeaseQueueTest, WhatIsReturnedComesBeforeWhatWasAddedLater) {
  LeaseQueue queue = QueueOf({kDigits, kText, kDigits, kText});
  ASSERT_EQ(queue.Lease(1, kBothWorker, 3, 1, At(0)).size(), 3u);
  EXPECT_TRUE(queue.Return(1, 2, 1));
  EXPECT_EQ(queue.LeasedBy(1), 2u);
  EXPECT_THAT(queue.ReturnAll(1), ElementsAre(1, 3));
  EXPECT_THAT(queue.ReturnAll(1), IsEmpty());
  EXPECT_EQ(queue.NextDeadline(), std::nullopt);
  EXPECT_THAT(Items(queue.Lease(2, kBothWorker, kMany, 1, At(0))), ElementsAre(1, 2, 3, 4));
}

TEST(LeaseQueueTest, LeasesRunOut) {
  LeaseQueue queue = QueueOf({kDigits, kDigits, kDigits});
  queue.Lease(1, kDigitsWorker, 1, 1, At(0));
  queue.Lease(2, kDigitsWorker, 1, 1, At(1));
  EXPECT_EQ(queue.NextDeadline(), At(10));
  EXPECT_THAT(queue.Expire(At(9.999)), IsEmpty());
  EXPECT_TRUE(queue.Holds(1, 1, 1));
  EXPECT_THAT(queue.Expire(At(10)), ElementsAre(Pair(1, 1)));
  EXPECT_FALSE(queue.Holds(1, 1, 1));
  EXPECT_EQ(queue.NextDeadline(), At(11));
  EXPECT_THAT(Items(queue.Lease(3, kDigitsWorker, 1, 1, At(10))), ElementsAre(1));
  EXPECT_THAT(queue.Expire(At(100)), ElementsAre(Pair(2, 2), Pair(3, 1)));
  EXPECT_EQ(queue.NextDeadline(), std::nullopt);
  EXPECT_EQ(queue.Queued(), 3u);
}

TEST(LeaseQueueTest, ARenewedLeaseRunsFromThen) {
  LeaseQueue queue = QueueOf({kDigits});
  queue.Lease(1, kDigitsWorker, 1, 1, At(0));
  EXPECT_TRUE(queue.Renew(1, 1, 1, At(7)));
  EXPECT_EQ(queue.NextDeadline(), At(17));
  EXPECT_THAT(queue.Expire(At(16)), IsEmpty());
  EXPECT_FALSE(queue.Renew(2, 1, 1, At(16)));
  EXPECT_FALSE(queue.Renew(1, 1, 2, At(16)));
  EXPECT_FALSE(queue.Renew(1, 2, 1, At(16)));
  EXPECT_EQ(queue.NextDeadline(), At(17));
  EXPECT_THAT(queue.Expire(At(17)), ElementsAre(Pair(1, 1)));
  EXPECT_FALSE(queue.Renew(1, 1, 1, At(17)));
}

TEST(LeaseQueueTest, WhatIsRemovedIsForgotten) {
  LeaseQueue queue = QueueOf({kDigits, kDigits});
  queue.Lease(1, kDigitsWorker, 1, 1, At(0));
  EXPECT_TRUE(queue.Remove(1));
  EXPECT_TRUE(queue.Remove(2));
  EXPECT_FALSE(queue.Remove(1));
  EXPECT_FALSE(queue.Holds(1, 1, 1));
  EXPECT_FALSE(queue.Return(1, 1, 1));
  EXPECT_FALSE(queue.HasWorkFor(kDigitsWorker));
  EXPECT_EQ(queue.Queued() + queue.Leased() + queue.LeasedBy(1) + queue.Grants(1), 0u);
  EXPECT_THAT(queue.Expire(At(100)), IsEmpty());
  EXPECT_THAT(queue.Lease(1, kDigitsWorker, kMany, 1, At(0)), IsEmpty());
}

}  // namespace
}  // namespace lathe
