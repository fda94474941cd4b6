#include "server/lease_queue.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace lathe {

bool WorkerAbilities::Meets(const WorkNeeds& needs) const {
  if (numeric_class != needs.numeric_class || !models.contains(needs.model)) return false;
  const auto dataset = datasets.find(needs.dataset);
  return dataset != datasets.end() && dataset->second == needs.content_hash;
}

LeaseQueue::LeaseQueue(absl::Duration time_to_live) : time_to_live_(time_to_live) {}

void LeaseQueue::Add(ItemId item, const WorkNeeds& needs) {
  items_[item].needs = needs;
  queued_[needs].insert(item);
}

bool LeaseQueue::Remove(ItemId item) {
  const auto found = items_.find(item);
  if (found == items_.end()) return false;
  if (found->second.holder) {
    Release(item, found->second);
  } else {
    Dequeue(item, found->second.needs);
  }
  items_.erase(found);
  return true;
}

std::vector<ItemId> LeaseQueue::Oldest(const WorkerAbilities& abilities, size_t most,
                                       size_t peers) const {
  using Ids = std::set<ItemId>;
  struct Run {
    Ids::const_iterator next, end;
    bool operator>(const Run& other) const { return *next > *other.next; }
  };
  std::priority_queue<Run, std::vector<Run>, std::greater<>> runs;
  size_t queued = 0;
  for (const auto& [needs, ids] : queued_) {
    if (!abilities.Meets(needs)) continue;
    runs.push({ids.begin(), ids.end()});
    queued += ids.size();
  }
  const size_t share = queued / peers + (queued % peers != 0);
  std::vector<ItemId> oldest;
  while (oldest.size() < std::min(most, share)) {
    Run run = runs.top();
    runs.pop();
    oldest.push_back(*run.next);
    if (++run.next != run.end) runs.push(run);
  }
  return oldest;
}

std::vector<LeaseQueue::Grant> LeaseQueue::Lease(WorkerId worker, const WorkerAbilities& abilities,
                                                 size_t most, size_t peers, absl::Time now) {
  std::vector<Grant> grants;
  for (ItemId id : Oldest(abilities, most, std::max<size_t>(peers, 1))) {
    grants.push_back(GrantTo(worker, id, now));
  }
  return grants;
}

std::optional<LeaseQueue::Grant> LeaseQueue::LeaseOne(WorkerId worker, ItemId item,
                                                      absl::Time now) {
  const auto found = items_.find(item);
  if (found == items_.end() || found->second.holder) return std::nullopt;
  return GrantTo(worker, item, now);
}

LeaseQueue::Grant LeaseQueue::GrantTo(WorkerId worker, ItemId id, absl::Time now) {
  Item& item = items_.at(id);
  Dequeue(id, item.needs);
  item.holder = worker;
  item.deadline = now + time_to_live_;
  held_[worker].insert(id);
  deadlines_.emplace(item.deadline, id);
  return {id, ++item.grants};
}

bool LeaseQueue::Holds(WorkerId worker, ItemId item, uint64_t grant) const {
  const auto found = items_.find(item);
  return found != items_.end() && found->second.holder == worker && found->second.grants == grant;
}

bool LeaseQueue::Renew(WorkerId worker, ItemId item, uint64_t grant, absl::Time now) {
  if (!Holds(worker, item, grant)) return false;
  Item& held = items_.at(item);
  deadlines_.erase({held.deadline, item});
  held.deadline = now + time_to_live_;
  deadlines_.emplace(held.deadline, item);
  return true;
}

bool LeaseQueue::Return(WorkerId worker, ItemId item, uint64_t grant) {
  if (!Holds(worker, item, grant)) return false;
  Requeue(item, items_.at(item));
  return true;
}

std::vector<ItemId> LeaseQueue::ReturnAll(WorkerId worker) {
  const auto held = held_.find(worker);
  if (held == held_.end()) return {};
  const std::vector<ItemId> returned(held->second.begin(), held->second.end());
  for (ItemId id : returned) Requeue(id, items_.at(id));
  return returned;
}

std::vector<std::pair<WorkerId, ItemId>> LeaseQueue::Expire(absl::Time now) {
  std::vector<std::pair<WorkerId, ItemId>> expired;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const ItemId id = deadlines_.begin()->second;
    Item& item = items_.at(id);
    expired.emplace_back(*item.holder, id);
    Requeue(id, item);
  }
  return expired;
}

std::optional<absl::Time> LeaseQueue::NextDeadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

size_t LeaseQueue::Queued() const {
  return items_.size() - deadlines_.size();
}

size_t LeaseQueue::Leased() const {
  return deadlines_.size();
}

size_t LeaseQueue::LeasedBy(WorkerId worker) const {
  const auto held = held_.find(worker);
  return held == held_.end() ? 0 : held->second.size();
}

bool LeaseQueue::IsLeased(ItemId item) const {
  const auto found = items_.find(item);
  return found != items_.end() && found->second.holder.has_value();
}

bool LeaseQueue::HasWorkFor(const WorkerAbilities& abilities) const {
  return std::any_of(queued_.begin(), queued_.end(),
                     [&](const auto& entry) { return abilities.Meets(entry.first); });
}

uint64_t LeaseQueue::Grants(ItemId item) const {
  const auto found = items_.find(item);
  return found == items_.end() ? 0 : found->second.grants;
}

void LeaseQueue::Dequeue(ItemId id, const WorkNeeds& needs) {
  const auto ids = queued_.find(needs);
  ids->second.erase(id);
  if (ids->second.empty()) queued_.erase(ids);
}

void LeaseQueue::Release(ItemId id, Item& item) {
  const auto held = held_.find(*item.holder);
  held->second.erase(id);
  if (held->second.empty()) held_.erase(held);
  deadlines_.erase({item.deadline, id});
  item.holder.reset();
}

void LeaseQueue::Requeue(ItemId id, Item& item) {
  Release(id, item);
  queued_[item.needs].insert(id);
}

}  // namespace lathe
