// Who works on what, and until when. A pure state machine: time is an argument, items are numbers,
// nothing is stored. Not thread-safe.
//
//   queue.Add(item, {"torch-1.13", "digits", "bda8...", "conv_net"});
//   for (const LeaseQueue::Grant& grant : queue.Lease(worker, abilities, 16, now)) ...
//   if (queue.Holds(worker, item, grant)) { ...store the result...; queue.Remove(item); }
#ifndef LATHE_SERVER_LEASE_QUEUE_H_
#define LATHE_SERVER_LEASE_QUEUE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace lathe {

// What an item asks of a worker.
struct WorkNeeds {
  std::string numeric_class, dataset, content_hash;
  std::string model = "mlp";
  friend auto operator<=>(const WorkNeeds&, const WorkNeeds&) = default;
};

// What a worker can do.
struct WorkerAbilities {
  std::string numeric_class;
  std::map<std::string, std::string> datasets;  // name -> content hash
  std::set<std::string> models = {"mlp"};
  bool Meets(const WorkNeeds& needs) const;
};

using WorkerId = uint64_t;
using ItemId = uint64_t;

class LeaseQueue {
 public:
  struct Grant {
    ItemId item;
    uint64_t number;  // counts the grants of the item, from 1 on
  };

  // A lease runs out this long after it was granted or renewed; Expire is told when that is.
  explicit LeaseQueue(absl::Duration time_to_live);

  // To the end of the queue. `item` is greater than those that were added before.
  void Add(ItemId item, const WorkNeeds& needs);
  // Forgets an item, queued or leased. Whether it was there.
  bool Remove(ItemId item);

  // The oldest items that the worker can run, at most `most` and at most its fair share: what is
  // queued for workers like it, shared by `peers` of them (1 or more), rounded up.
  std::vector<Grant> Lease(WorkerId worker, const WorkerAbilities& abilities, size_t most,
                           size_t peers, absl::Time now);
  // The same for one item that is queued; nothing if it is not there, or leased.
  std::optional<Grant> LeaseOne(WorkerId worker, ItemId item, absl::Time now);
  // Whether this grant is in force: not expired, not handed back, no newer one.
  bool Holds(WorkerId worker, ItemId item, uint64_t grant) const;
  // Holds, and if so the lease runs from `now`.
  bool Renew(WorkerId worker, ItemId item, uint64_t grant, absl::Time now);

  // Back into the queue, before items that were added later: a lease that failed; everything a
  // worker holds (the items); every lease that has run out by `now` (the items, with their workers,
  // by deadline).
  bool Return(WorkerId worker, ItemId item, uint64_t grant);
  std::vector<ItemId> ReturnAll(WorkerId worker);
  std::vector<std::pair<WorkerId, ItemId>> Expire(absl::Time now);
  // When Expire next has something to do.
  std::optional<absl::Time> NextDeadline() const;

  size_t Queued() const;
  size_t Leased() const;
  size_t LeasedBy(WorkerId worker) const;
  bool IsLeased(ItemId item) const;
  // Whether a worker with these abilities would get anything.
  bool HasWorkFor(const WorkerAbilities& abilities) const;
  // Grants so far of an item that is there; 0 if it is not.
  uint64_t Grants(ItemId item) const;

 private:
  struct Item {
    WorkNeeds needs;
    uint64_t grants = 0;
    std::optional<WorkerId> holder;
    absl::Time deadline;
  };

  std::vector<ItemId> Oldest(const WorkerAbilities& abilities, size_t most, size_t peers) const;
  Grant GrantTo(WorkerId worker, ItemId id, absl::Time now);
  void Dequeue(ItemId id, const WorkNeeds& needs);
  void Release(ItemId id, Item& item);  // from its holder
  void Requeue(ItemId id, Item& item);

  const absl::Duration time_to_live_;
  std::unordered_map<ItemId, Item> items_;
  std::map<WorkNeeds, std::set<ItemId>> queued_;  // ids ascend with the order of Add
  std::map<WorkerId, std::set<ItemId>> held_;
  std::set<std::pair<absl::Time, ItemId>> deadlines_;
};

}  // namespace lathe

#endif  // LATHE_SERVER_LEASE_QUEUE_H_
