// What workers bring back: results, which are stored and delivered, and faults, after which an item
// is tried again or given up.
#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "server/crash_point.h"
#include "server/evaluation_desk.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

constexpr size_t kMostAnswered = 65536;
constexpr size_t kMostFaultText = 4096;

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
  return kind != v1::EvaluationFault::KILLED && kind != v1::EvaluationFault::MISSING_DATA;
}

}  // namespace

absl::StatusOr<v1::CompleteEvaluationsResponse> EvaluationDesk::Complete(
    const v1::CompleteEvaluationsRequest& request) {
  Answers answers;
  v1::CompleteEvaluationsResponse response;
  {
    const std::lock_guard lock(mutex_);
    const absl::Time now = options_.now();
    const absl::StatusOr<RegisteredWorker*> worker = workers_.Hear(request.worker(), now);
    if (!worker.ok()) return worker.status();
    // All that can be accepted is written at once, before anybody hears of it.
    WriteBatch batch;
    std::vector<absl::Status> statuses;
    std::vector<v1::ItemResult> results(request.results().begin(), request.results().end());
    for (v1::ItemResult& result : results) {
      *result.mutable_token() = TokenOfThisLife((*worker)->id, result.token(), now);
      absl::Status status = CheckResult((*worker)->id, result, now);
      if (status.ok() && result.has_scores()) status = PutScores(**worker, result, now, batch);
      statuses.push_back(std::move(status));
    }
    CrashPoint("complete.before_write");
    const absl::Status written = records_.Write(batch);
    CrashPoint("complete.after_write");
    for (size_t i = 0; i < results.size(); ++i) {
      const v1::ItemResult& result = results[i];
      if (statuses[i].ok() && result.has_scores()) statuses[i] = written;
      if (statuses[i].ok()) Accept(**worker, result, now);
      *response.add_statuses() = ToProto(statuses[i]);
    }
    WakeParked(answers);
    UpdateGauges();
  }
  for (const auto& answer : answers) answer();
  CrashPoint("complete.before_answer");
  return response;
}

// Whether a result may be accepted: its lease is in force, or it was accepted already.
absl::Status EvaluationDesk::CheckResult(WorkerId worker, const v1::ItemResult& result,
                                         absl::Time now) const {
  if (IsAnswered(result.token())) return absl::OkStatus();
  const absl::Status held = CheckHeld(worker, result, now);
  if (!held.ok()) {
    if (!absl::IsUnavailable(held)) metrics_.completions_refused.Increment();
    return held;
  }
  if (result.result_case() == v1::ItemResult::RESULT_NOT_SET) {
    return WrongResult("results", "scores or a fault are required");
  }
  if (!result.has_scores()) return absl::OkStatus();
  return CheckScores(items_.at(static_cast<ItemId>(result.token().item())).content,
                     result.scores());
}

absl::Status EvaluationDesk::CheckHeld(WorkerId worker, const v1::ItemResult& result,
                                       absl::Time now) const {
  const v1::LeaseToken& token = result.token();
  if (IsUndecided(token, now)) {
    return WithReason(absl::UnavailableError("this server is still taking up its jobs"),
                      "SERVER_STARTING");
  }
  if (token.epoch() != options_.epoch) {
    return LeaseOver("an earlier server granted it, and the item is not wanted, or granted again");
  }
  const auto id = static_cast<ItemId>(token.item());
  const auto item = items_.find(id);
  if (item == items_.end()) return LeaseOver("nobody waits for the item");
  if (!queue_.Holds(worker, id, static_cast<uint64_t>(token.grant()))) {
    return LeaseOver("it ran out, and the item was queued again");
  }
  if (item->second.content.program_hash() == result.program_hash()) return absl::OkStatus();
  return WrongResult("results.program_hash", "is not that of the leased item");
}

bool EvaluationDesk::IsAnswered(const v1::LeaseToken& token) const {
  if (token.epoch() < options_.epoch && answered_keys_.contains(token.item_key())) return true;
  return token.epoch() == options_.epoch &&
         answered_.count(
             {static_cast<ItemId>(token.item()), static_cast<uint64_t>(token.grant())}) > 0;
}

absl::Status EvaluationDesk::PutScores(const RegisteredWorker& worker, const v1::ItemResult& result,
                                       absl::Time now, WriteBatch& batch) const {
  if (IsAnswered(result.token())) return absl::OkStatus();
  const auto id = static_cast<ItemId>(result.token().item());
  const Item& item = items_.at(id);
  if (item.repeat) return absl::OkStatus();
  std::vector<EvaluationRecords::Entry> entries;
  for (int i = 0; i < result.scores().seeds_size(); ++i) {
    v1::Evaluation evaluation;
    *evaluation.mutable_task() = item.content.task();
    *evaluation.mutable_result() = result.scores().seeds(i);
    v1::EvaluationProvenance& provenance = *evaluation.mutable_provenance();
    provenance.set_worker(worker.resource.display_name());
    provenance.set_device(worker.resource.device());
    *provenance.mutable_end_time() = ToProto(now);
    *provenance.mutable_duration() = result.duration();
    provenance.set_attempts(static_cast<int32_t>(queue_.Grants(id)));
    entries.emplace_back(KeyOf(item, item.content.seed_indices(i)), std::move(evaluation));
  }
  return records_.Put(*item.program, entries, batch);
}

// A result that is in the store, or a fault.
void EvaluationDesk::Accept(RegisteredWorker& worker, const v1::ItemResult& result,
                            absl::Time now) {
  if (IsAnswered(result.token())) return;
  RememberAnswered(static_cast<ItemId>(result.token().item()),
                   static_cast<uint64_t>(result.token().grant()));
  // Nobody wants it any more, since a result before it in the same call.
  if (!items_.contains(static_cast<ItemId>(result.token().item()))) return;
  if (result.has_scores()) {
    CompleteScores(worker, result, now);
  } else {
    CompleteFault(worker, result);
  }
}

void EvaluationDesk::CompleteScores(RegisteredWorker& worker, const v1::ItemResult& result,
                                    absl::Time now) {
  const auto id = static_cast<ItemId>(result.token().item());
  const int seeds = result.scores().seeds_size();
  if (items_.at(id).repeat) {
    metrics_.evaluations_repeated.Increment(seeds);
    FinishItem(id, result);
    return;
  }
  metrics_.evaluations.Increment(seeds);
  for (const v1::SeedResult& seed : result.scores().seeds()) {
    if (seed.diverged()) metrics_.evaluations_diverged.Increment();
  }
  metrics_.evaluation_seconds.Observe(absl::ToDoubleSeconds(FromProto(result.duration())));
  metrics_.queue_seconds.Observe(absl::ToDoubleSeconds(now - items_.at(id).queue_time));
  worker.completed += static_cast<uint64_t>(seeds);
  FinishItem(id, result);
}

void EvaluationDesk::CompleteFault(RegisteredWorker& worker, const v1::ItemResult& result) {
  const auto id = static_cast<ItemId>(result.token().item());
  Item& item = items_.at(id);
  item.failures += CountsAsAttempt(result.fault().kind());
  if (result.fault().kind() == v1::EvaluationFault::MISSING_DATA) {
    workers_.Withdraw(worker, item.content.task(), result.fault().message());
    WorkersHaveChanged();
  }
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
  if (item->second.waiters.empty()) {
    TakeItem(id);
    return;
  }
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

}  // namespace lathe
