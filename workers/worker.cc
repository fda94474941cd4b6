#include "workers/worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "evaluators/task/dataset_catalog.h"
#include "evaluators/task/declared_data.h"
#include "rpc/status.h"
#include "workers/backoff.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Results in one call; each may have a thousand seeds.
constexpr size_t kMaxResults = 256;
constexpr milliseconds kHeartbeatRetry(1'000);
constexpr milliseconds kLeaveTimeout(5'000), kHastyLeaveTimeout(1'000);
// Before asking again a server that has answered "nothing" without waiting.
constexpr milliseconds kLeasePause(100);

// As many as a server takes, those that ship first. `Datasets` are messages with names.
template <typename Datasets>
Datasets Declarable(Datasets datasets, const char* what) {
  const int left_out = datasets.size() - kMaxDeclaredDatasets;
  if (left_out <= 0) return datasets;
  std::stable_partition(datasets.begin(), datasets.end(), [](const auto& dataset) {
    return ShippedDatasets().contains(dataset.name());
  });
  spdlog::warn("{} of {} {} are not declared: a server takes {}", left_out, datasets.size(), what,
               kMaxDeclaredDatasets);
  datasets.DeleteSubrange(kMaxDeclaredDatasets, left_out);
  return datasets;
}

}  // namespace

Worker::Worker(v1::WorkerService::StubInterface& stub, BatchRunner& runner, WorkerOptions options)
    : runner_(runner),
      options_(std::move(options)),
      held_(options_.batch),
      session_(stub, held_,
               {.first_wait = options_.first_wait,
                .most_wait = options_.most_wait,
                .lease_wait = options_.lease_wait,
                .trust = options_.trust,
                .on_heartbeat =
                    [this](const v1::RecordHeartbeatResponse& response) {
                      runner_.Drop(held_.ForgetEnded(response.ended()));
                      if (response.drain()) Drain();
                    },
                .on_refused =
                    [this](const absl::Status& status) {
                      Fail(status);
                      Stop();
                    }}) {}

absl::Status Worker::Run() {
  absl::StatusOr<v1::Worker> worker = Describe();
  if (!worker.ok()) return worker.status();
  absl::Status joined = session_.Join(*std::move(worker), leasing_.get_token());
  if (joined.ok()) return Serve();
  const bool drained = absl::IsCancelled(joined) && !everything_.stop_requested();
  return drained ? absl::OkStatus() : joined;
}

// What the evaluator says of itself. An error if there is nothing it could evaluate.
absl::StatusOr<v1::Worker> Worker::Describe() {
  absl::StatusOr<v1::EvaluatorHello> hello = runner_.Hello();
  if (!hello.ok()) return hello.status();
  if (hello->datasets().empty()) {
    const auto append_reason = [](std::string* text, const v1::MissingDataset& missing) {
      text->append(missing.reason());
    };
    return absl::FailedPreconditionError(
        absl::StrCat("the evaluator has no data: ",
                     absl::StrJoin(hello->missing_datasets(), "; ", append_reason)));
  }
  for (const v1::MissingDataset& missing : hello->missing_datasets()) {
    spdlog::warn("{}", missing.reason());
  }
  v1::Worker worker;
  worker.set_display_name(options_.display_name);
  worker.set_numeric_class(hello->numeric_class());
  worker.set_device(hello->device());
  *worker.mutable_datasets() = Declarable(hello->datasets(), "datasets");
  *worker.mutable_models() = hello->models();
  *worker.mutable_missing_datasets() =
      Declarable(hello->missing_datasets(), "datasets that cannot be used");
  *worker.mutable_registered_models() = Declarable(hello->registered_models(), "models");
  worker.set_batch(options_.batch);
  spdlog::info("evaluates on {} as {}", hello->device(), hello->numeric_class());
  return worker;
}

absl::Status Worker::Serve() {
  std::thread leases([this] { LeaseItems(); });
  std::thread heartbeats([this] { SendHeartbeats(); });
  std::thread reports([this] { Report(); });
  Evaluate();
  WaitForReports();
  reports.join();
  heartbeats_.request_stop();
  heartbeats.join();
  leases.join();
  const bool hasty = everything_.stop_requested();
  absl::Status left = session_.Leave(hasty ? kHastyLeaveTimeout : kLeaveTimeout);
  if (!left.ok()) spdlog::warn("could not unregister: {}", std::string(left.message()));
  return Outcome();
}

absl::Status Worker::Outcome() {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  if (everything_.stop_requested()) return absl::CancelledError("stopped");
  const size_t lost = held_.Unacknowledged();
  if (lost == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(lost, " results could not be reported: the server does not take them"));
}

void Worker::LeaseItems() {
  const std::stop_token stop = leasing_.get_token();
  Backoff backoff(options_.first_wait, options_.most_wait);
  while (const int room = held_.WaitForRoom()) {
    const auto begin = steady_clock::now();
    const absl::StatusOr<ServerSession::Leased> leased = session_.Lease(room, stop);
    if (!leased.ok()) {
      if (!backoff.Wait(stop)) return;
      continue;
    }
    backoff.Reset();
    if (leased->drain) Drain();
    const bool waited = steady_clock::now() - begin >= options_.lease_wait / 2;
    if (leased->items == 0 && !waited && !SleepFor(stop, kLeasePause)) return;
  }
}

void Worker::SendHeartbeats() {
  const std::stop_token stop = heartbeats_.get_token();
  milliseconds wait = session_.HeartbeatInterval();
  while (SleepFor(stop, wait)) {
    const bool sent = session_.Heartbeat(stop).ok();
    wait = session_.HeartbeatInterval();
    if (!sent) wait = std::min(wait, kHeartbeatRetry);
  }
}

void Worker::Evaluate() {
  while (true) {
    held_.WaitForItems();
    if (!session_.Confirm(leasing_.get_token())) break;
    const std::vector<v1::EvaluatorItem> batch = held_.TakeBatch();
    if (batch.empty()) break;
    if (options_.journal != nullptr) {
      for (const v1::EvaluatorItem& item : batch) {
        options_.journal->Started(held_.KeyOf(item.id()), item.item());
      }
    }
    absl::Status status = runner_.Run(batch, [&](uint64_t id, v1::ItemResult result) {
      WithdrawMissingData(batch, id, result);
      held_.Finish(id, std::move(result));
    });
    if (!status.ok()) {
      Fail(status);
      break;
    }
  }
  leasing_.request_stop();
  held_.EndEvaluating();
}

void Worker::WithdrawMissingData(const std::vector<v1::EvaluatorItem>& batch, uint64_t id,
                                 const v1::ItemResult& result) {
  if (result.fault().kind() != v1::EvaluationFault::MISSING_DATA) return;
  const auto item =
      std::find_if(batch.begin(), batch.end(), [id](const auto& one) { return one.id() == id; });
  if (item == batch.end()) return;
  const v1::Task& task = item->item().task();
  if (!session_.Withdraw(task, result.fault().message())) return;
  const std::string& name = task.has_torchscript() ? task.torchscript().name() : task.dataset();
  spdlog::warn("takes no more work on {} until it is started again: {}", name,
               result.fault().message());
}

void Worker::Report() {
  Backoff backoff(options_.first_wait, options_.most_wait);
  while (true) {
    const std::vector<HeldWork::Finished> finished = held_.WaitForFinished(kMaxResults);
    if (finished.empty()) break;
    const Delivery delivery = Deliver(finished);
    // A server that takes some results must not wait for long for the next ones.
    if (delivery != Delivery::kNone) backoff.Reset();
    if (delivery != Delivery::kAll && !backoff.Wait(reporting_.get_token())) break;
  }
  const std::lock_guard lock(mutex_);
  reported_ = true;
  changed_.notify_all();
}

Worker::Delivery Worker::Deliver(const std::vector<HeldWork::Finished>& finished) {
  auto response = session_.Complete(finished, reporting_.get_token());
  if (!response.ok()) return Delivery::kNone;
  std::vector<uint64_t> done;
  const size_t answered = std::min(finished.size(), static_cast<size_t>(response->statuses_size()));
  for (size_t i = 0; i < answered; ++i) {
    const absl::Status status = FromProto(response->statuses(static_cast<int>(i)));
    const bool refused = absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
    if (refused) spdlog::warn("a result was refused: {}", std::string(status.message()));
    if (refused || status.ok()) done.push_back(finished[i].id);
    if (status.ok() && options_.journal != nullptr) {
      options_.journal->Acknowledged(finished[i].result);
    }
  }
  held_.Acknowledge(done);
  const std::lock_guard lock(mutex_);
  if (!done.empty()) last_acknowledged_ = steady_clock::now();
  if (done.size() == finished.size()) return Delivery::kAll;
  return done.empty() ? Delivery::kNone : Delivery::kSome;
}

// As long as it is going anywhere.
void Worker::WaitForReports() {
  std::unique_lock lock(mutex_);
  last_acknowledged_ = steady_clock::now();
  while (!reported_) {
    const auto deadline = last_acknowledged_ + options_.give_up_after;
    changed_.wait_until(lock, deadline);
    if (steady_clock::now() < last_acknowledged_ + options_.give_up_after) continue;
    reporting_.request_stop();
    return;
  }
}

void Worker::Fail(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  if (!everything_.stop_requested()) failure_.Update(status);
}

void Worker::Drain() {
  held_.Close();  // first: who waits for the server must find nothing to begin
  leasing_.request_stop();
}

void Worker::Stop() {
  everything_.request_stop();
  held_.Close();
  for (std::stop_source* source : {&leasing_, &heartbeats_, &reporting_}) source->request_stop();
  runner_.Stop();
}

}  // namespace lathe
