// The side of the desk that workers see: leases, heartbeats, results.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "server/evaluation_desk.h"

namespace lathe {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(60);
constexpr int kMostItems = 4096;
constexpr size_t kMostAnswered = 65536;
constexpr size_t kMostFaultText = 4096;

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  absl::Duration rest;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return result;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Status LeaseOver(std::string_view why) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat("the lease is over: ", std::string(why))),
      "LEASE_OVER");
}

absl::Status WrongResult(std::string_view field, std::string_view what) {
  return WithReason(WithField(absl::InvalidArgumentError(
                                  absl::StrCat(std::string(field), ": ", std::string(what))),
                              field),
                    "RESULT_INVALID");
}

absl::Status Stopping() {
  return WithReason(absl::UnavailableError("the server is stopping"), "SERVER_STOPPING");
}

// Whether scores may be the result of an item: one per seed in order, fewer only where it stops at
// a divergence.
absl::Status CheckScores(const v1::EvaluationItem& item, const v1::SeedResults& scores) {
  const int seeds = scores.seeds_size(), wanted = item.seed_indices_size();
  if (seeds < 1 || seeds > wanted) {
    return WrongResult("results.scores", absl::StrCat(seeds, " seeds; the item has ", wanted));
  }
  const bool stopped = item.stop_at_divergence() && scores.seeds(seeds - 1).diverged();
  if (seeds == wanted || stopped) return absl::OkStatus();
  return WrongResult("results.scores",
                     absl::StrCat("ends after ", seeds, " of ", wanted, " seeds"));
}

std::string FaultText(const RegisteredWorker& worker, const v1::EvaluationFault& fault) {
  std::string kind = v1::EvaluationFault::Kind_Name(fault.kind());
  return absl::StrCat(kind, " on ", worker.resource.display_name(), ": ",
                      fault.message().substr(0, kMostFaultText));
}

bool CountsAsAttempt(v1::EvaluationFault::Kind kind) {
  return kind != v1::EvaluationFault::KILLED;
}

}  // namespace

absl::StatusOr<v1::RegisterWorkerResponse> EvaluationDesk::Register(
    const v1::RegisterWorkerRequest& request) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return Stopping();
  const absl::StatusOr<RegisteredWorker*> worker =
      workers_.Register(request.worker(), options_.now());
  if (!worker.ok()) return worker.status();
  metrics_.workers_registered.Increment();
  v1::RegisterWorkerResponse response;
  *response.mutable_worker() = (*worker)->resource;
  *response.mutable_heartbeat_interval() = ToProto(options_.lease_time / 5);
  WorkersHaveChanged();
  UpdateGauges();
  return response;
}

void EvaluationDesk::Lease(const v1::LeaseEvaluationsRequest& request, std::function<bool()> alive,
                           LeaseAnswer answer) {
  absl::StatusOr<v1::LeaseEvaluationsResponse> response;
  {
    const std::lock_guard lock(mutex_);
    const absl::Time now = options_.now();
    const absl::StatusOr<RegisteredWorker*> worker = workers_.Hear(request.worker(), now);
    if (stopping_) {
      response = Stopping();
    } else if (!worker.ok()) {
      response = worker.status();
    } else if (request.max_items() < 1 || request.max_items() > kMostItems) {
      response = WrongResult(
          "max_items",
          absl::StrCat(request.max_items(), " is not allowed; allowed: 1 to ", kMostItems));
    } else {
      const auto most = static_cast<size_t>(request.max_items());
      response = Grant(**worker, most, now);
      const absl::Duration wait = std::min(FromProto(request.wait()), kLongestWait);
      if (response->leases().empty() && wait > absl::ZeroDuration()) {
        parked_.push_back({(*worker)->id, most, now + wait, std::move(alive), std::move(answer)});
        return;
      }
    }
    UpdateGauges();
  }
  answer(std::move(response));
}

v1::LeaseEvaluationsResponse EvaluationDesk::Grant(RegisteredWorker& worker, size_t most,
                                                   absl::Time now) {
  v1::LeaseEvaluationsResponse response;
  const size_t peers = workers_.Peers(worker.abilities.numeric_class);
  for (const LeaseQueue::Grant& grant :
       queue_.Lease(worker.id, worker.abilities, most, peers, now)) {
    v1::Lease& lease = *response.add_leases();
    lease.mutable_token()->set_epoch(options_.epoch);
    lease.mutable_token()->set_item(static_cast<int64_t>(grant.item));
    lease.mutable_token()->set_grant(static_cast<int64_t>(grant.number));
    *lease.mutable_item() = items_.at(grant.item).content;
    *lease.mutable_time_to_live() = ToProto(options_.lease_time);
    metrics_.leases_granted.Increment();
  }
  return response;
}

// Gives what is queued to calls that wait for it, the oldest call first.
void EvaluationDesk::WakeParked(Answers& answers) {
  if (queue_.Queued() == 0) return;
  const absl::Time now = options_.now();
  for (auto it = parked_.begin(); it != parked_.end();) {
    RegisteredWorker* worker = workers_.Find(it->worker);
    if (worker == nullptr || !queue_.HasWorkFor(worker->abilities)) {
      ++it;
      continue;
    }
    if (it->alive()) {
      answers.push_back([answer = std::move(it->answer), response = Grant(*worker, it->most, now)] {
        answer(response);
      });
    } else {
      answers.push_back([answer = std::move(it->answer)] {
        answer(absl::CancelledError("the caller has gone"));
      });
    }
    it = parked_.erase(it);
  }
}

absl::StatusOr<v1::RecordHeartbeatResponse> EvaluationDesk::Heartbeat(
    const v1::RecordHeartbeatRequest& request) {
  const std::lock_guard lock(mutex_);
  const absl::Time now = options_.now();
  const absl::StatusOr<RegisteredWorker*> worker = workers_.Hear(request.worker(), now);
  if (!worker.ok()) return worker.status();
  v1::RecordHeartbeatResponse response;
  for (const v1::LeaseToken& token : request.tokens()) {
    const bool held = token.epoch() == options_.epoch &&
                      queue_.Renew((*worker)->id, static_cast<ItemId>(token.item()),
                                   static_cast<uint64_t>(token.grant()), now);
    if (!held) *response.add_ended() = token;
  }
  return response;
}

absl::StatusOr<v1::CompleteEvaluationsResponse> EvaluationDesk::Complete(
    const v1::CompleteEvaluationsRequest& request) {
  Answers answers;
  v1::CompleteEvaluationsResponse response;
  {
    const std::lock_guard lock(mutex_);
    const absl::Time now = options_.now();
    const absl::StatusOr<RegisteredWorker*> worker = workers_.Hear(request.worker(), now);
    if (!worker.ok()) return worker.status();
    for (const v1::ItemResult& result : request.results()) {
      *response.add_statuses() = ToProto(CompleteOne(**worker, result, now));
    }
    WakeParked(answers);
    UpdateGauges();
  }
  for (const auto& answer : answers) answer();
  return response;
}

absl::Status EvaluationDesk::CompleteOne(RegisteredWorker& worker, const v1::ItemResult& result,
                                         absl::Time now) {
  const auto id = static_cast<ItemId>(result.token().item());
  const auto grant = static_cast<uint64_t>(result.token().grant());
  if (result.token().epoch() == options_.epoch && answered_.count({id, grant}) > 0) {
    return absl::OkStatus();
  }
  absl::Status status = CheckHeld(worker.id, result);
  if (status.ok()) {
    switch (result.result_case()) {
      case v1::ItemResult::kScores: status = CompleteScores(worker, result, now); break;
      case v1::ItemResult::kFault: CompleteFault(worker, result); break;
      case v1::ItemResult::RESULT_NOT_SET:
        return WrongResult("results", "scores or a fault are required");
    }
    if (status.ok()) RememberAnswered(id, grant);
  } else {
    metrics_.completions_refused.Increment();
  }
  return status;
}

absl::Status EvaluationDesk::CheckHeld(WorkerId worker, const v1::ItemResult& result) const {
  const v1::LeaseToken& token = result.token();
  if (token.epoch() != options_.epoch) return LeaseOver("it was granted by an earlier server");
  const auto id = static_cast<ItemId>(token.item());
  const auto item = items_.find(id);
  if (item == items_.end()) return LeaseOver("nobody waits for the item");
  if (!queue_.Holds(worker, id, static_cast<uint64_t>(token.grant()))) {
    return LeaseOver("it ran out, and the item was queued again");
  }
  if (item->second.content.program_hash() == result.program_hash()) return absl::OkStatus();
  return WrongResult("results.program_hash", "is not that of the leased item");
}

absl::Status EvaluationDesk::CompleteScores(RegisteredWorker& worker, const v1::ItemResult& result,
                                            absl::Time now) {
  const auto id = static_cast<ItemId>(result.token().item());
  const Item& item = items_.at(id);
  if (absl::Status status = CheckScores(item.content, result.scores()); !status.ok()) return status;
  std::vector<EvaluationRecords::Entry> entries;
  for (int i = 0; i < result.scores().seeds_size(); ++i) {
    v1::Evaluation evaluation;
    *evaluation.mutable_task() = item.content.task();
    *evaluation.mutable_result() = result.scores().seeds(i);
    v1::EvaluationProvenance& provenance = *evaluation.mutable_provenance();
    provenance.set_worker(worker.resource.display_name());
    provenance.set_device(worker.resource.device());
    provenance.mutable_end_time()->set_seconds(absl::ToUnixSeconds(now));
    *provenance.mutable_duration() = result.duration();
    provenance.set_attempts(static_cast<int32_t>(queue_.Grants(id)));
    entries.emplace_back(KeyOf(item, item.content.seed_indices(i)), std::move(evaluation));
  }
  if (absl::Status status = records_.Record(*item.program, entries); !status.ok()) return status;
  metrics_.evaluations.Increment(static_cast<double>(entries.size()));
  for (const auto& [key, evaluation] : entries) {
    if (evaluation.result().diverged()) metrics_.evaluations_diverged.Increment();
  }
  metrics_.evaluation_seconds.Observe(absl::ToDoubleSeconds(FromProto(result.duration())));
  metrics_.queue_seconds.Observe(absl::ToDoubleSeconds(now - item.queue_time));
  worker.completed += entries.size();
  FinishItem(id, result.scores());
  return absl::OkStatus();
}

void EvaluationDesk::CompleteFault(const RegisteredWorker& worker, const v1::ItemResult& result) {
  const auto id = static_cast<ItemId>(result.token().item());
  Item& item = items_.at(id);
  item.failures += CountsAsAttempt(result.fault().kind());
  const std::string text = FaultText(worker, result.fault());
  const std::string program = absl::StrCat("programs/", item.content.program_hash());
  if (item.failures >= options_.max_attempts) {
    FailItem(id, WithReason(absl::AbortedError(absl::StrCat("the evaluation of ", program,
                                                            " failed ", item.failures,
                                                            " times, the last time: ", text)),
                            "EVALUATION_FAILED"));
    return;
  }
  queue_.Return(worker.id, id, static_cast<uint64_t>(result.token().grant()));
  CountRetry(id, absl::StrCat("an evaluation of ", program, " failed and is tried again: ", text));
}

void EvaluationDesk::CountRetry(ItemId id, const std::string& why) {
  metrics_.evaluations_retried.Increment();
  const auto item = items_.find(id);
  if (item == items_.end()) return;
  std::set<const EvaluationClient*> told;
  for (const PendingPtr& pending : item->second.waiters) {
    const auto& client = pending->request.client;
    if (told.insert(client.get()).second) client->Warn(why);
  }
}

void EvaluationDesk::RememberAnswered(ItemId id, uint64_t grant) {
  answered_.insert({id, grant});
  answered_order_.emplace_back(id, grant);
  if (answered_order_.size() <= kMostAnswered) return;
  answered_.erase(answered_order_.front());
  answered_order_.pop_front();
}

absl::Status EvaluationDesk::Unregister(const v1::UnregisterWorkerRequest& request) {
  Answers answers;
  {
    const std::lock_guard lock(mutex_);
    const absl::StatusOr<RegisteredWorker*> worker =
        workers_.Hear(request.worker(), options_.now());
    if (!worker.ok()) return worker.status();
    const std::string name = (*worker)->resource.display_name();
    for (ItemId id : queue_.ReturnAll((*worker)->id)) {
      CountRetry(id, absl::StrCat("worker ", name, " left; what it held is queued again"));
    }
    workers_.Remove((*worker)->id);
    WorkersHaveChanged();
    WakeParked(answers);
    AnswerOldCalls(options_.now(), answers);
    UpdateGauges();
  }
  for (const auto& answer : answers) answer();
  return absl::OkStatus();
}

std::vector<v1::Worker> EvaluationDesk::Workers() {
  const std::lock_guard lock(mutex_);
  std::vector<v1::Worker> workers;
  for (const RegisteredWorker* worker : workers_.All()) {
    v1::Worker resource = worker->resource;
    resource.mutable_register_time()->set_seconds(absl::ToUnixSeconds(worker->registered));
    resource.mutable_heartbeat_time()->set_seconds(absl::ToUnixSeconds(worker->heard));
    resource.set_leased(static_cast<int32_t>(queue_.LeasedBy(worker->id)));
    resource.set_completed(worker->completed);
    workers.push_back(std::move(resource));
  }
  return workers;
}

void EvaluationDesk::Tick() {
  Answers answers;
  {
    const std::lock_guard lock(mutex_);
    const absl::Time now = options_.now();
    for (const auto& [worker, item] : queue_.Expire(now)) {
      metrics_.leases_expired.Increment();
      CountRetry(item, "a lease ran out; its evaluation is queued again");
    }
    const std::vector<RegisteredWorker> silent = workers_.RemoveSilent(now);
    for (const RegisteredWorker& worker : silent) {
      metrics_.workers_lost.Increment();
      for (ItemId id : queue_.ReturnAll(worker.id)) {
        CountRetry(id, absl::StrCat("worker ", worker.resource.display_name(), " went silent"));
      }
    }
    if (!silent.empty()) WorkersHaveChanged();
    WakeParked(answers);
    AnswerOldCalls(now, answers);
    UpdateGauges();
  }
  for (const auto& answer : answers) answer();
}

// Calls that have waited long enough, or whose caller or worker has gone, get nothing.
void EvaluationDesk::AnswerOldCalls(absl::Time now, Answers& answers) {
  for (auto it = parked_.begin(); it != parked_.end();) {
    if (it->until > now && it->alive() && workers_.Find(it->worker) != nullptr) {
      ++it;
      continue;
    }
    answers.push_back([answer = std::move(it->answer)] { answer(v1::LeaseEvaluationsResponse()); });
    it = parked_.erase(it);
  }
}

void EvaluationDesk::Stop() {
  std::list<Parked> parked;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    parked.swap(parked_);
  }
  for (const Parked& call : parked) call.answer(Stopping());
}

void EvaluationDesk::WorkersHaveChanged() {
  for (auto it = subscribers_.begin(); it != subscribers_.end();) {
    if (const auto client = it->lock()) {
      client->WorkersChanged();
      ++it;
    } else {
      it = subscribers_.erase(it);
    }
  }
}

}  // namespace lathe
