// The side of the desk that jobs see: requests become answers from the store, shares of what is
// under way, and items.
#include "server/evaluation_desk.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "evaluators/task/allowance.h"
#include "evaluators/task/model.h"
#include "evaluators/task/task.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

SeedScore ScoreOf(const v1::SeedResult& result) {
  return {result.diverged(), result.objective(), result.test_loss(), result.test_error()};
}

v1::EvaluationItem ContentOf(const DeskRequest& request, const std::vector<int>& seeds) {
  v1::EvaluationItem content;
  content.set_program_text(request.program->text);
  content.set_program_hash(request.program->hash.Hex());
  content.set_language_version(kLanguageVersion);
  *content.mutable_task() = request.task;
  content.mutable_seed_indices()->Add(seeds.begin(), seeds.end());
  content.set_stop_at_divergence(request.stop_at_divergence);
  content.set_measure_test(request.measure_test);
  *content.mutable_allowance() = ToProto(absl::Seconds(EvaluationAllowanceSeconds(
      request.program->program, request.task, static_cast<int>(seeds.size()))));
  return content;
}

}  // namespace

EvaluationDesk::EvaluationDesk(Store& store, Metrics& metrics, DeskOptions options)
    : records_(store, metrics),
      metrics_(metrics),
      options_(std::move(options)),
      queue_(options_.lease_time),
      // Leases run out first, so that a silent worker's items are counted as such.
      workers_(options_.lease_time * 1.5),
      start_(options_.now()) {}

void EvaluationDesk::Submit(DeskRequest request) {
  Answers answers;
  {
    const std::lock_guard lock(mutex_);
    auto pending = std::make_shared<Pending>();
    pending->task_hash = TaskHash(request.task);
    pending->results.resize(request.seeds.size());
    pending->request = std::move(request);
    requests_[pending->request.client.get()].insert(pending);
    Plan(pending);
    WakeParked(answers);
    UpdateGauges();
  }
  for (const auto& answer : answers) answer();
}

void EvaluationDesk::Forget(const EvaluationClient* client, Leased leased) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(client);
  if (found == requests_.end()) return;
  const std::set<PendingPtr> pending = std::move(found->second);
  requests_.erase(found);
  for (const PendingPtr& request : pending) DropRequest(request, leased);
  UpdateGauges();
}

void EvaluationDesk::Subscribe(std::weak_ptr<EvaluationClient> client) {
  const std::lock_guard lock(mutex_);
  subscribers_.push_back(std::move(client));
}

absl::StatusOr<std::string> EvaluationDesk::FindClass(const std::vector<v1::Task>& tasks,
                                                      const std::string& numeric_class) {
  const std::lock_guard lock(mutex_);
  return workers_.FindClass(tasks, numeric_class);
}

DatasetSurvey EvaluationDesk::Datasets() {
  const std::lock_guard lock(mutex_);
  return workers_.Datasets();
}

EvaluationKey EvaluationDesk::KeyOf(const Pending& pending, int seed) const {
  const DeskRequest& request = pending.request;
  return {request.program->hash, pending.task_hash, kLanguageVersion, request.measure_test, seed,
          request.numeric_class};
}

EvaluationKey EvaluationDesk::KeyOf(const Item& item, int seed) const {
  return {item.program->hash,          item.task_hash, kLanguageVersion,
          item.content.measure_test(), seed,           item.numeric_class};
}

// Finds where each seed without a result comes from; delivers if nothing is left to wait for.
void EvaluationDesk::Plan(const PendingPtr& pending) {
  const DeskRequest& request = pending->request;
  if (request.repeat) {
    if (!DeliverIfDone(pending)) AddItem(pending, request.seeds);
    return;
  }
  EvaluationRecords::LookUp look_up = records_.For(*request.program, request.task);
  std::vector<int> to_run;
  for (size_t i = 0; i < request.seeds.size(); ++i) {
    std::optional<SeedScore>& result = pending->results[i];
    const EvaluationKey key = KeyOf(*pending, request.seeds[i]);
    if (const auto item = under_way_.find(key); !result && item != under_way_.end()) {
      items_.at(item->second).waiters.insert(pending);
      if (!pending->shared.insert(key).second) continue;
      pending->sources.set_merged(pending->sources.merged() + 1);
      metrics_.evaluations_merged.Increment();
      continue;
    }
    if (!result && !AnswerFromStore(pending, look_up, i)) return;
    if (!result) to_run.push_back(request.seeds[i]);
    if (result && result->diverged && request.stop_at_divergence) break;
  }
  if (!DeliverIfDone(pending)) return AddItem(pending, to_run);
  if (IsSettling()) answered_keys_.insert(ItemKeyOf(*pending, request.seeds));
}

// Fills in a result if the store has it. False if the store cannot be read: the request has been
// answered with that.
bool EvaluationDesk::AnswerFromStore(const PendingPtr& pending, EvaluationRecords::LookUp& look_up,
                                     size_t seed) {
  const DeskRequest& request = pending->request;
  const auto found = look_up.Find(KeyOf(*pending, request.seeds[seed]));
  if (!found.ok()) {
    Deliver(pending, found.status());
    return false;
  }
  if (!*found) return true;
  pending->results[seed] = ScoreOf(**found);
  pending->sources.set_from_store(pending->sources.from_store() + 1);
  return true;
}

void EvaluationDesk::AddItem(const PendingPtr& pending, const std::vector<int>& seeds) {
  if (seeds.empty()) return;
  const DeskRequest& request = pending->request;
  const ItemId id = next_item_++;
  Item item;
  item.content = ContentOf(request, seeds);
  item.program = request.program;
  item.task_hash = pending->task_hash;
  item.numeric_class = request.numeric_class;
  item.queue_time = options_.now();
  item.owner = pending;
  item.waiters.insert(pending);
  item.repeat = request.repeat;
  if (item.repeat) {
    pending->repeat_item = id;
  } else {
    // So that others can share it, and a later server finds it again.
    for (int seed : seeds) under_way_[KeyOf(item, seed)] = id;
    item.key = ItemKeyOf(*pending, seeds);
    by_key_[item.key] = id;
  }
  queue_.Add(id, {request.numeric_class, request.task.dataset(), request.task.data().content_hash(),
                  NeededModel(request.task)});
  items_.emplace(id, std::move(item));
}

std::string EvaluationDesk::ItemKeyOf(const Pending& pending, const std::vector<int>& seeds) const {
  FieldHasher key;
  for (int seed : seeds) key.Text(KeyOf(pending, seed).Bytes());
  key.Number(pending.request.stop_at_divergence);
  return key.Digest().Hex();
}

bool EvaluationDesk::DeliverIfDone(const PendingPtr& pending) {
  const DeskRequest& request = pending->request;
  EvaluationResult result;
  for (const std::optional<SeedScore>& score : pending->results) {
    if (!score) return false;
    result.push_back(*score);
    if (score->diverged && request.stop_at_divergence) break;
  }
  Deliver(pending, std::move(result));
  return true;
}

void EvaluationDesk::Deliver(PendingPtr pending, absl::StatusOr<EvaluationResult> result) {
  DeskRequest& request = pending->request;
  requests_[request.client.get()].erase(pending);
  DropRequest(pending, Leased::kDrop);
  request.client->Deliver(request.id, std::move(result), pending->sources);
}

// Takes a request off the items it waits for, and drops the items that nobody waits for.
void EvaluationDesk::DropRequest(const PendingPtr& pending, Leased leased) {
  if (pending->request.repeat) {
    TakeItem(pending->repeat_item);
    return;
  }
  for (int seed : pending->request.seeds) {
    const auto under_way = under_way_.find(KeyOf(*pending, seed));
    if (under_way == under_way_.end()) continue;
    const ItemId id = under_way->second;
    Item& item = items_.at(id);
    item.waiters.erase(pending);
    const bool goes_on = leased == Leased::kFinish && queue_.IsLeased(id);
    if (item.waiters.empty() && !goes_on) TakeItem(id);
  }
}

std::optional<EvaluationDesk::Item> EvaluationDesk::TakeItem(ItemId id) {
  const auto found = items_.find(id);
  if (found == items_.end()) return std::nullopt;
  Item item = std::move(found->second);
  items_.erase(found);
  queue_.Remove(id);
  if (item.repeat) return item;
  by_key_.erase(item.key);
  for (int seed : item.content.seed_indices()) under_way_.erase(KeyOf(item, seed));
  return item;
}

void EvaluationDesk::FinishItem(ItemId id, const v1::ItemResult& result) {
  const std::optional<Item> item = TakeItem(id);
  if (!item) return;
  // Whoever else was granted it by an earlier server need not begin.
  if (IsSettling() && !item->repeat) answered_keys_.insert(item->key);
  const v1::SeedResults& scores = result.scores();
  std::map<int, SeedScore> by_seed;
  for (int i = 0; i < scores.seeds_size(); ++i) {
    by_seed[item->content.seed_indices(i)] = ScoreOf(scores.seeds(i));
  }
  const double seconds = absl::ToDoubleSeconds(FromProto(result.duration()));
  for (const PendingPtr& pending : item->waiters) {
    if (pending == item->owner) {
      pending->sources.set_device_seconds(pending->sources.device_seconds() + seconds);
    }
    for (size_t i = 0; i < pending->results.size(); ++i) {
      const auto score = by_seed.find(pending->request.seeds[i]);
      if (pending->results[i] || score == by_seed.end()) continue;
      pending->results[i] = score->second;
      if (pending == item->owner) pending->sources.set_run(pending->sources.run() + 1);
    }
    // An item that stopped at a divergence may have left seeds that this one wants.
    if (!DeliverIfDone(pending)) Plan(pending);
  }
}

void EvaluationDesk::FailItem(ItemId id, const absl::Status& status) {
  const std::optional<Item> item = TakeItem(id);
  if (!item) return;
  metrics_.evaluations_failed.Increment();
  for (const PendingPtr& pending : item->waiters) Deliver(pending, status);
}

void EvaluationDesk::UpdateGauges() {
  metrics_.items_queued.Set(static_cast<double>(queue_.Queued()));
  metrics_.items_leased.Set(static_cast<double>(queue_.Leased()));
  metrics_.workers.Set(static_cast<double>(workers_.Count()));
}

}  // namespace lathe
