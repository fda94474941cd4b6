// Where jobs and workers meet. A job hands in requests; what the store knows is answered at once,
// what is under way already is shared, the rest becomes items that workers lease, complete, or
// lose. A result is in the store before anybody hears of it.
//
// Thread-safe. Time comes from the caller's clock; Tick must be called now and then.
#ifndef LATHE_SERVER_EVALUATION_DESK_H_
#define LATHE_SERVER_EVALUATION_DESK_H_

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lathe/v1/worker_service.pb.h"
#include "server/evaluation_records.h"
#include "server/evaluation_request.h"
#include "server/lease_queue.h"
#include "server/metrics.h"
#include "server/store/store.h"
#include "server/worker_registry.h"

namespace lathe {

struct DeskOptions {
  absl::Duration lease_time = absl::Seconds(10);
  // Failures that may lie with an item, until it is given up.
  int max_attempts = 3;
  // Names this life of the server in lease tokens.
  int64_t epoch = 1;
  // How long leases of earlier lives are left undecided, from the start of the desk on: jobs have
  // to come back before it is known what is still wanted.
  absl::Duration settle_time = absl::ZeroDuration();
  std::function<absl::Time()> now = absl::Now;
};

// What becomes of the items that workers hold for a request that is dropped.
enum class Leased : uint8_t {
  kDrop,    // unless others wait for them
  kFinish,  // their results are recorded, though nobody waits
};

class EvaluationDesk {
 public:
  // `store` and `metrics` outlive the desk.
  EvaluationDesk(Store& store, Metrics& metrics, DeskOptions options);

  // For jobs. -------------------------------------------------------------------------------------

  // May deliver before it returns.
  void Submit(DeskRequest request);
  // Drops all requests of a client; nothing is delivered to it afterwards.
  void Forget(const EvaluationClient* client, Leased leased);
  // Who is told of workers that come and go.
  void Subscribe(std::weak_ptr<EvaluationClient> client);
  // The numeric class of the first live worker that has data for all these tasks, of the given
  // class if it is not empty. Unavailable says what is missing.
  absl::StatusOr<std::string> FindClass(const std::vector<v1::Task>& tasks,
                                        const std::string& numeric_class);
  // What jobs may name: see WorkerRegistry.
  DatasetSurvey Datasets();

  // For workers; see worker_service.proto. --------------------------------------------------------

  absl::StatusOr<v1::RegisterWorkerResponse> Register(const v1::RegisterWorkerRequest& request);
  absl::StatusOr<v1::RecordHeartbeatResponse> Heartbeat(const v1::RecordHeartbeatRequest& request);
  absl::StatusOr<v1::CompleteEvaluationsResponse> Complete(
      const v1::CompleteEvaluationsRequest& request);
  absl::Status Unregister(const v1::UnregisterWorkerRequest& request);

  using LeaseAnswer = std::function<void(absl::StatusOr<v1::LeaseEvaluationsResponse>)>;
  // Answers once, now or later, from any thread, without a lock held. A call whose `alive` says no
  // is not granted anything.
  void Lease(const v1::LeaseEvaluationsRequest& request, std::function<bool()> alive,
             LeaseAnswer answer);

  std::vector<v1::Worker> Workers();

  // Takes back leases that ran out, forgets workers that went silent, answers calls that have
  // waited long enough.
  void Tick();
  // Answers every waiting call; from now on leases are refused.
  void Stop();

 private:
  // A request until it is delivered.
  struct Pending {
    DeskRequest request;
    Hash128 task_hash;
    std::vector<std::optional<SeedScore>> results;  // by seed of the request
    std::set<EvaluationKey> shared;                 // keys that it has counted as merged
    v1::EvaluationCounts sources;
    ItemId repeat_item = 0;  // of a repeat, which shares nothing
  };
  using PendingPtr = std::shared_ptr<Pending>;

  struct Item {
    v1::EvaluationItem content;
    std::shared_ptr<const CanonicalForm> program;
    Hash128 task_hash;
    std::string numeric_class;
    std::string key;  // the same in every life of the server; none of a repeat
    bool repeat = false;
    absl::Time queue_time;
    int failures = 0;              // that may lie with the item
    PendingPtr owner;              // for whom it was made
    std::set<PendingPtr> waiters;  // the owner included
  };

  // A lease call that waits for work.
  struct Parked {
    WorkerId worker;
    size_t most;
    absl::Time until;
    std::function<bool()> alive;
    LeaseAnswer answer;
  };
  // Answers to give once the lock is released.
  using Answers = std::vector<std::function<void()>>;

  EvaluationKey KeyOf(const Pending& pending, int seed) const;
  EvaluationKey KeyOf(const Item& item, int seed) const;

  void Plan(const PendingPtr& pending);
  bool AnswerFromStore(const PendingPtr& pending, EvaluationRecords::LookUp& look_up, size_t seed);
  void AddItem(const PendingPtr& pending, const std::vector<int>& seeds);
  // The key of an item that runs these seeds for a request.
  std::string ItemKeyOf(const Pending& pending, const std::vector<int>& seeds) const;
  bool DeliverIfDone(const PendingPtr& pending);
  // By value: what refers to the request may go with it.
  void Deliver(PendingPtr pending, absl::StatusOr<EvaluationResult> result);
  void DropRequest(const PendingPtr& pending, Leased leased);

  // A token of an earlier life as one of this life, if its item is wanted and free, or was taken up
  // so before; any other as it is.
  v1::LeaseToken TokenOfThisLife(WorkerId worker, const v1::LeaseToken& token, absl::Time now);
  // Whether it may still turn out that a token's item is wanted.
  bool IsSettling() const { return options_.now() < start_ + options_.settle_time; }
  bool IsUndecided(const v1::LeaseToken& token, absl::Time now) const;
  bool IsAnswered(const v1::LeaseToken& token) const;
  absl::Status CheckHeld(WorkerId worker, const v1::ItemResult& result, absl::Time now) const;
  absl::Status CheckResult(WorkerId worker, const v1::ItemResult& result, absl::Time now) const;
  absl::Status PutScores(const RegisteredWorker& worker, const v1::ItemResult& result,
                         absl::Time now, WriteBatch& batch) const;
  void Accept(RegisteredWorker& worker, const v1::ItemResult& result, absl::Time now);
  void CompleteScores(RegisteredWorker& worker, const v1::ItemResult& result, absl::Time now);
  void CompleteFault(RegisteredWorker& worker, const v1::ItemResult& result);
  void FinishItem(ItemId id, const v1::ItemResult& result);
  void FailItem(ItemId id, const absl::Status& status);
  std::optional<Item> TakeItem(ItemId id);
  // An item is queued again, and its waiters are told why; one that nobody waits for is dropped.
  void CountRetry(ItemId id, const std::string& why);
  void RememberAnswered(ItemId id, uint64_t grant);

  v1::LeaseEvaluationsResponse Grant(RegisteredWorker& worker, size_t most, absl::Time now);
  void WakeParked(Answers& answers);
  void AnswerOldCalls(absl::Time now, Answers& answers);
  void WorkersHaveChanged();
  void UpdateGauges();

  EvaluationRecords records_;
  Metrics& metrics_;
  const DeskOptions options_;

  std::mutex mutex_;
  LeaseQueue queue_;
  WorkerRegistry workers_;
  std::unordered_map<ItemId, Item> items_;
  std::map<EvaluationKey, ItemId> under_way_;
  std::map<const EvaluationClient*, std::set<PendingPtr>> requests_;
  std::vector<std::weak_ptr<EvaluationClient>> subscribers_;
  std::list<Parked> parked_;
  std::unordered_map<std::string, ItemId> by_key_;
  // Of requests that the store has answered and of items that were completed, while leases of
  // earlier lives are undecided: what those would bring is there already.
  std::set<std::string> answered_keys_;
  // Leases of earlier lives that were taken up, as leases of this one.
  std::map<std::tuple<int64_t, int64_t, int64_t>, v1::LeaseToken> taken_up_;
  const absl::Time start_;
  // Grants that were answered lately, so that an answer that got lost can be given again.
  std::set<std::pair<ItemId, uint64_t>> answered_;
  std::deque<std::pair<ItemId, uint64_t>> answered_order_;
  ItemId next_item_ = 1;
  bool stopping_ = false;
};

}  // namespace lathe

#endif  // LATHE_SERVER_EVALUATION_DESK_H_
