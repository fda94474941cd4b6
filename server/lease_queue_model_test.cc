// The lease queue against a model that looks at every item every time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "server/lease_queue.h"

namespace lathe {
namespace {

const absl::Duration kLease = absl::Seconds(10);

class Model {
 public:
  struct Item {
    ItemId id;
    WorkNeeds needs;
    uint64_t grants = 0;
    WorkerId holder = 0;  // 0: queued
    absl::Time deadline;
  };

  void Add(ItemId id, const WorkNeeds& needs) { items_.push_back({id, needs, 0, 0, {}}); }
  bool Remove(ItemId id) {
    return std::erase_if(items_, [id](const Item& item) { return item.id == id; }) > 0;
  }
  std::vector<ItemId> Lease(WorkerId worker, const WorkerAbilities& abilities, size_t most,
                            size_t peers, absl::Time now) {
    std::vector<ItemId> leased;
    const size_t fitting = CountFor(abilities);
    const size_t share = fitting / peers + (fitting % peers > 0 ? 1 : 0);
    for (Item& item : items_) {
      if (item.holder != 0 || !abilities.Meets(item.needs)) continue;
      if (leased.size() == most || leased.size() == share) break;
      item.holder = worker;
      item.deadline = now + kLease;
      ++item.grants;
      leased.push_back(item.id);
    }
    return leased;
  }
  bool Renew(WorkerId worker, ItemId id, uint64_t grant, absl::Time now) {
    Item* item = Held(worker, id, grant);
    if (item != nullptr) item->deadline = now + kLease;
    return item != nullptr;
  }
  bool Return(WorkerId worker, ItemId id, uint64_t grant) {
    Item* item = Held(worker, id, grant);
    if (item != nullptr) item->holder = 0;
    return item != nullptr;
  }
  std::vector<ItemId> ReturnAll(WorkerId worker) {
    std::vector<ItemId> returned;
    for (Item& item : items_) {
      if (item.holder != worker) continue;
      item.holder = 0;
      returned.push_back(item.id);
    }
    return returned;
  }
  std::vector<std::pair<WorkerId, ItemId>> Expire(absl::Time now) {
    std::vector<std::pair<WorkerId, ItemId>> expired;
    while (Item* next = Next()) {
      if (next->deadline > now) break;
      expired.emplace_back(next->holder, next->id);
      next->holder = 0;
    }
    return expired;
  }
  // The leased item with the least deadline.
  Item* Next() {
    Item* next = nullptr;
    for (Item& item : items_) {
      if (item.holder != 0 && (!next || item.deadline < next->deadline)) next = &item;
    }
    return next;
  }
  Item* Held(WorkerId worker, ItemId id, uint64_t grant) {
    for (Item& item : items_) {
      if (item.id == id && item.holder == worker && item.grants == grant) return &item;
    }
    return nullptr;
  }
  size_t CountFor(const WorkerAbilities& abilities) const {
    return std::count_if(items_.begin(), items_.end(), [&](const Item& item) {
      return item.holder == 0 && abilities.Meets(item.needs);
    });
  }
  size_t CountHeld(WorkerId worker) const {
    return std::count_if(items_.begin(), items_.end(),
                         [&](const Item& item) { return item.holder == worker; });
  }
  const std::vector<Item>& Items() const { return items_; }

 private:
  std::vector<Item> items_;  // in the order of Add
};

class LeaseQueueModelTest : public testing::TestWithParam<int> {
 protected:
  uint64_t Draw(uint64_t below) { return random_() % below; }
  WorkNeeds DrawNeeds() {
    return {std::string(1, "ab"[Draw(2)]), std::string(1, "xyz"[Draw(3)]),
            std::string(1, "12"[Draw(4) == 0]), Draw(4) == 0 ? "conv_net" : "mlp"};
  }
  WorkerAbilities DrawAbilities() {
    WorkerAbilities abilities;
    abilities.numeric_class = "ab"[Draw(2)];
    if (Draw(2) == 0) abilities.models = {"mlp", "conv_net"};
    for (char name : std::string("xyz")) {
      if (Draw(3) > 0) abilities.datasets[std::string(1, name)] = "12"[Draw(4) == 0];
    }
    return abilities;
  }
  // An item and a grant that mostly exist.
  std::pair<ItemId, uint64_t> DrawGrant() {
    const auto& items = model_.Items();
    if (items.empty() || Draw(10) == 0) return {Draw(last_ + 2), Draw(3)};
    const Model::Item& item = items[Draw(items.size())];
    return {item.id, item.grants - (Draw(5) == 0)};
  }
  void Change() {
    const WorkerId worker = 1 + Draw(4);
    const auto [item, grant] = DrawGrant();
    switch (Draw(9)) {
      case 0:
      case 1:
      case 2: Add(); break;
      case 3:
      case 4: Lease(worker); break;
      case 5: EXPECT_EQ(queue_.Remove(item), model_.Remove(item)); break;
      case 6:
        EXPECT_EQ(queue_.Renew(worker, item, grant, now_), model_.Renew(worker, item, grant, now_));
        break;
      case 7:
        EXPECT_EQ(queue_.Return(worker, item, grant), model_.Return(worker, item, grant));
        break;
      case 8:
        if (Draw(5) == 0) ReturnAll(worker);
        now_ += absl::Milliseconds(Draw(4000));
        if (Draw(2) == 0) Expire();
        break;
    }
  }
  void Add() {
    const WorkNeeds needs = DrawNeeds();
    queue_.Add(++last_, needs);
    model_.Add(last_, needs);
  }
  void Lease(WorkerId worker) {
    const WorkerAbilities abilities = DrawAbilities();
    const size_t most = Draw(6), peers = 1 + Draw(3);
    EXPECT_EQ(queue_.HasWorkFor(abilities), model_.CountFor(abilities) > 0);
    const auto expected = model_.Lease(worker, abilities, most, peers, now_);
    const auto grants = queue_.Lease(worker, abilities, most, peers, now_);
    ASSERT_EQ(grants.size(), expected.size());
    for (size_t i = 0; i < grants.size(); ++i) {
      EXPECT_EQ(grants[i].item, expected[i]);
      EXPECT_NE(model_.Held(worker, grants[i].item, grants[i].number), nullptr);
    }
  }
  void ReturnAll(WorkerId worker) { EXPECT_EQ(queue_.ReturnAll(worker), model_.ReturnAll(worker)); }
  void Expire() { EXPECT_EQ(queue_.Expire(now_), model_.Expire(now_)); }
  void Compare() {
    for (const Model::Item& item : model_.Items()) {
      EXPECT_EQ(queue_.Grants(item.id), item.grants);
      for (WorkerId worker = 1; worker <= 4; ++worker) {
        EXPECT_EQ(queue_.Holds(worker, item.id, item.grants), item.holder == worker);
      }
    }
    for (WorkerId worker = 1; worker <= 4; ++worker) {
      EXPECT_EQ(queue_.LeasedBy(worker), model_.CountHeld(worker));
    }
    EXPECT_EQ(queue_.Queued(), model_.CountHeld(0));
    EXPECT_EQ(queue_.Leased() + queue_.Queued(), model_.Items().size());
    const Model::Item* next = model_.Next();
    EXPECT_EQ(queue_.NextDeadline(), next ? std::optional(next->deadline) : std::nullopt);
  }

  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};
  LeaseQueue queue_{kLease};
  Model model_;
  ItemId last_ = 0;
  absl::Time now_ = absl::UnixEpoch();
};

TEST_P(LeaseQueueModelTest, BehavesLikeAListOfItems) {
  for (int step = 0; step < 3000; ++step) {
    Change();
    if (step % 10 == 0) Compare();
    ASSERT_FALSE(HasFailure()) << "seed " << GetParam() << ", step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LeaseQueueModelTest, testing::Range(1, 9));

TEST(LeaseQueueSpeedTest, ALongQueueIsLeasedInNoTime) {
  LeaseQueue queue(kLease);
  constexpr ItemId kItems = 200000;
  for (ItemId item = 1; item <= kItems; ++item) {
    queue.Add(item, {"class", item % 3 == 0 ? "digits" : "text", "hash"});
  }
  const WorkerAbilities abilities = {"class", {{"digits", "hash"}, {"text", "hash"}}};
  const auto start = std::chrono::steady_clock::now();
  ItemId leased = 0;
  for (WorkerId worker = 1; leased < kItems; ++worker) {
    for (const LeaseQueue::Grant& grant :
         queue.Lease(worker, abilities, 16, 1, absl::UnixEpoch())) {
      EXPECT_EQ(grant.item, ++leased);
    }
    ASSERT_EQ(queue.LeasedBy(worker), 16u);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.2f microseconds an item\n", took.count() * 1e6 / kItems);
  EXPECT_LT(took.count(), 20);  // every item at every lease would be 2.5 billion
}

}  // namespace
}  // namespace lathe
