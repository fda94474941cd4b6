// The side of the desk that workers see: who is there, and who holds what.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "server/crash_point.h"
#include "server/evaluation_desk.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(60);
constexpr int kMostItems = 4096;

absl::Status WrongMaxItems(int given) {
  return WithReason(
      WithField(absl::InvalidArgumentError(absl::StrCat("max_items: ", given, " is not allowed; ",
                                                        "allowed: 1 to ", kMostItems)),
                "max_items"),
      "LEASE_INVALID");
}

absl::Status Stopping() {
  return WithReason(absl::UnavailableError("the server is stopping"), "SERVER_STOPPING");
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
      response = WrongMaxItems(request.max_items());
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
    const Item& item = items_.at(grant.item);
    lease.mutable_token()->set_item_key(item.key);
    *lease.mutable_item() = item.content;
    *lease.mutable_time_to_live() = ToProto(options_.lease_time);
    metrics_.leases_granted.Increment();
  }
  if (!response.leases().empty()) CrashPoint("lease.before_answer");
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
  for (const v1::LeaseToken& given : request.tokens()) {
    const v1::LeaseToken token = TokenOfThisLife((*worker)->id, given, now);
    const bool held = token.epoch() == options_.epoch &&
                      queue_.Renew((*worker)->id, static_cast<ItemId>(token.item()),
                                   static_cast<uint64_t>(token.grant()), now);
    if (!held && !IsUndecided(token, now)) *response.add_ended() = given;
  }
  UpdateGauges();
  return response;
}

v1::LeaseToken EvaluationDesk::TokenOfThisLife(WorkerId worker, const v1::LeaseToken& token,
                                               absl::Time now) {
  if (token.epoch() >= options_.epoch) return token;
  const std::tuple earlier(token.epoch(), token.item(), token.grant());
  if (const auto known = taken_up_.find(earlier); known != taken_up_.end()) return known->second;
  const auto item = by_key_.find(token.item_key());
  if (item == by_key_.end()) return token;
  const auto grant = queue_.LeaseOne(worker, item->second, now);
  if (!grant) return token;
  metrics_.leases_granted.Increment();
  v1::LeaseToken current = token;
  current.set_epoch(options_.epoch);
  current.set_item(static_cast<int64_t>(grant->item));
  current.set_grant(static_cast<int64_t>(grant->number));
  return taken_up_[earlier] = current;
}

bool EvaluationDesk::IsUndecided(const v1::LeaseToken& token, absl::Time now) const {
  return token.epoch() < options_.epoch && now < start_ + options_.settle_time &&
         !by_key_.contains(token.item_key()) && !answered_keys_.contains(token.item_key());
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
    *resource.mutable_register_time() = ToProto(worker->registered);
    *resource.mutable_heartbeat_time() = ToProto(worker->heard);
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
    if (!IsSettling()) answered_keys_.clear();
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
