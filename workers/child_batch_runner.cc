#include "workers/child_batch_runner.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "workers/backoff.h"
#include "workers/evaluate_item.h"
#include "workers/item_result.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kStartAttempts = 5;
constexpr milliseconds kFirstWait(100), kMostWait(5'000);
// SIGKILLs from elsewhere after which a group is halved.
constexpr int kMaxKills = 5;
// Of the texts in one message to the evaluator; half of what a message may have.
constexpr size_t kMaxGroupBytes = 32 << 20;

steady_clock::time_point InSeconds(double seconds) {
  return steady_clock::now() +
         std::chrono::ceil<milliseconds>(std::chrono::duration<double>(seconds));
}

// What has to be the same of an evaluator that is started again.
std::string IdentityText(const v1::EvaluatorHello& hello) {
  return absl::StrCat("\"", hello.numeric_class(), "\" on \"", hello.device(), "\" for ",
                      absl::StrJoin(hello.models(), ", "));
}

}  // namespace

absl::StatusOr<v1::EvaluatorHello> ChildBatchRunner::Hello() {
  if (child_ == nullptr || child_->HasEnded()) {
    if (absl::Status status = StartChild(); !status.ok()) return status;
  }
  return *hello_;
}

absl::Status ChildBatchRunner::StartChild() {
  EndChild();
  auto child = EvaluatorChild::Start(options_.program, options_.arguments);
  if (!child.ok()) return child.status();
  {
    const std::lock_guard lock(mutex_);
    child_ = *std::move(child);
  }
  if (stop_.stop_requested()) return absl::CancelledError("stopped");
  absl::Status status = ReadHello();
  if (!status.ok()) EndChild();
  return status;
}

absl::Status ChildBatchRunner::ReadHello() {
  auto hello = child_->ReadHello(steady_clock::now() + options_.startup_allowance);
  if (stop_.stop_requested()) return absl::CancelledError("stopped");
  if (!hello.ok()) {
    const double seconds = std::chrono::duration<double>(options_.startup_allowance).count();
    const Failure failure = Examine(hello.status(), seconds);
    return absl::UnavailableError(
        absl::StrCat(options_.program, ": ", failure.message, " before it said hello"));
  }
  fresh_ = true;
  if (!hello_) hello_ = *hello;
  const std::string was = IdentityText(*hello_), is = IdentityText(*hello);
  if (was == is) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(options_.program, ": it has changed since the worker was started; it was ", was,
                   " and is ", is));
}

// Starts it if need be, with patience: a machine may be short of something for a moment.
absl::Status ChildBatchRunner::EnsureChild() {
  if (child_ != nullptr && !child_->HasEnded()) return absl::OkStatus();
  Backoff backoff(kFirstWait, kMostWait);
  absl::Status status;
  for (int attempt = 1; attempt <= kStartAttempts; ++attempt) {
    status = StartChild();
    const bool may_work_later = absl::IsUnavailable(status) || absl::IsNotFound(status);
    if (!may_work_later || attempt == kStartAttempts) break;
    spdlog::warn("starting the evaluator again: {}", std::string(status.message()));
    if (!backoff.Wait(stop_.get_token())) return absl::CancelledError("stopped");
  }
  return status;
}

void ChildBatchRunner::EndChild() {
  std::unique_ptr<EvaluatorChild> child;
  const std::lock_guard lock(mutex_);
  child.swap(child_);
}

absl::Status ChildBatchRunner::Run(const std::vector<v1::EvaluatorItem>& items,
                                   const OnResult& on_result) {
  std::vector<Group> groups;  // the next one last
  size_t bytes = kMaxGroupBytes;
  {
    const std::lock_guard lock(mutex_);
    for (const v1::EvaluatorItem& item : items) {
      wanted_.insert(item.id());
      bytes += item.ByteSizeLong();
      if (bytes > kMaxGroupBytes) {
        groups.insert(groups.begin(), Group());
        bytes = item.ByteSizeLong();
      }
      groups.front().items.push_back(&item);
    }
  }
  absl::Status status;
  while (status.ok() && !groups.empty()) {
    Group group = std::move(groups.back());
    groups.pop_back();
    status = RunGroup(std::move(group), groups, on_result);
  }
  const std::lock_guard lock(mutex_);
  wanted_.clear();
  return status;
}

absl::Status ChildBatchRunner::RunGroup(Group group, std::vector<Group>& groups,
                                        const OnResult& on_result) {
  if (stop_.stop_requested()) return absl::CancelledError("stopped");
  if (absl::Status status = EnsureChild(); !status.ok()) return status;
  if (!Begin(group)) return absl::OkStatus();
  const size_t size = group.items.size();
  const bool fresh = std::exchange(fresh_, false);
  const std::optional<Failure> failure = Converse(group, on_result);
  if (!failure) return absl::OkStatus();
  if (group.items.size() < size) group.kills = 0;
  if (failure->kind != Failure::Kind::kInterrupted) {
    spdlog::warn("the evaluator {} with {} of {} items unfinished", failure->message,
                 group.items.size(), size);
  }
  if (group.items.empty()) return absl::OkStatus();
  const bool on_its_own = size == 1 && (fresh || failure->kind != Failure::Kind::kCrashed);
  Divide(std::move(group), on_its_own, *failure, groups, on_result);
  return absl::OkStatus();
}

// Leaves out what has been dropped. Whether anything is left.
bool ChildBatchRunner::Begin(Group& group) {
  const std::lock_guard lock(mutex_);
  std::erase_if(group.items, [this](const auto* item) { return !wanted_.contains(item->id()); });
  running_.clear();
  for (const v1::EvaluatorItem* item : group.items) running_.insert(item->id());
  interrupted_ = stop_.stop_requested();
  return !group.items.empty();
}

// Takes the items that get a result out of `group`.
std::optional<ChildBatchRunner::Failure> ChildBatchRunner::Converse(Group& group,
                                                                    const OnResult& on_result) {
  v1::EvaluatorBatch batch;
  for (const v1::EvaluatorItem* item : group.items) *batch.add_items() = *item;
  double allowance = 0;
  const auto deadline = [&] {
    allowance = 0;
    for (const v1::EvaluatorItem* item : group.items) allowance += AllowanceSeconds(item->item());
    return InSeconds(allowance);
  };
  absl::Status status = child_->Send(batch, deadline());
  while (status.ok() && !group.items.empty()) {
    absl::StatusOr<v1::EvaluatorResult> result = child_->ReadResult(deadline());
    status = result.ok() ? TakeResult(*std::move(result), group, on_result) : result.status();
  }
  if (status.ok()) return std::nullopt;
  Failure failure = Examine(status, allowance);
  EndChild();
  return failure;
}

absl::Status ChildBatchRunner::TakeResult(v1::EvaluatorResult result, Group& group,
                                          const OnResult& on_result) {
  const auto found = std::find_if(group.items.begin(), group.items.end(),
                                  [&](const auto* item) { return item->id() == result.id(); });
  if (found == group.items.end()) return absl::DataLossError("a result that nobody asked for");
  absl::StatusOr<v1::ItemResult> item_result = ToItemResult((*found)->item(), std::move(result));
  if (!item_result.ok()) return item_result.status();
  const uint64_t id = (*found)->id();
  group.items.erase(found);
  if (Settle(id)) on_result(id, *std::move(item_result));
  return absl::OkStatus();
}

// Whether the result of the item is still wanted, from when it has one.
bool ChildBatchRunner::Settle(uint64_t id) {
  const std::lock_guard lock(mutex_);
  running_.erase(id);
  const bool wanted = wanted_.erase(id) > 0;
  InterruptIfUnwanted();
  return wanted;
}

// Ends the conversation if nobody wants any of what is left of it. The mutex is held.
void ChildBatchRunner::InterruptIfUnwanted() {
  const bool some_wanted = std::any_of(running_.begin(), running_.end(),
                                       [this](uint64_t id) { return wanted_.contains(id); });
  if (some_wanted || running_.empty() || child_ == nullptr) return;
  interrupted_ = true;
  child_->Interrupt();
}

// `status` is how the conversation failed.
ChildBatchRunner::Failure ChildBatchRunner::Examine(const absl::Status& status, double allowance) {
  {
    const std::lock_guard lock(mutex_);
    running_.clear();
    if (std::exchange(interrupted_, false)) {
      return {Failure::Kind::kInterrupted, "was ended on request"};
    }
  }
  if (absl::IsDeadlineExceeded(status)) {
    return {Failure::Kind::kDeadline, absl::StrCat("took longer than ", allowance, " s")};
  }
  const std::optional<ExitStatus> end = child_->End();
  if (!end) {
    return {Failure::Kind::kCrashed,
            absl::StrCat("broke off: ", WireMessage(std::string(status.message())))};
  }
  return {end->signal == SIGKILL ? Failure::Kind::kKilled : Failure::Kind::kCrashed, end->Text()};
}

// What becomes of the unfinished rest of a group. `alone`: it is one item, and nothing else can
// have been at fault.
void ChildBatchRunner::Divide(Group group, bool alone, const Failure& failure,
                              std::vector<Group>& groups, const OnResult& on_result) {
  const bool whole_again = failure.kind == Failure::Kind::kInterrupted ||
                           (failure.kind == Failure::Kind::kKilled && group.kills < kMaxKills);
  if (failure.kind == Failure::Kind::kKilled) ++group.kills;
  if (whole_again || (!alone && group.items.size() == 1)) {
    groups.push_back(std::move(group));
    return;
  }
  if (group.items.size() > 1) {
    const auto middle = group.items.begin() + (group.items.size() + 1) / 2;
    groups.push_back({{middle, group.items.end()}, group.kills});
    groups.push_back({{group.items.begin(), middle}, group.kills});
    return;
  }
  const uint64_t id = group.items.front()->id();
  const auto kind = failure.kind == Failure::Kind::kDeadline ? v1::EvaluationFault::DEADLINE
                    : failure.kind == Failure::Kind::kKilled ? v1::EvaluationFault::KILLED
                                                             : v1::EvaluationFault::CRASHED;
  if (Settle(id)) on_result(id, FaultResult(kind, failure.message));
}

void ChildBatchRunner::Drop(const std::vector<uint64_t>& ids) {
  const std::lock_guard lock(mutex_);
  for (uint64_t id : ids) wanted_.erase(id);
  InterruptIfUnwanted();
}

void ChildBatchRunner::Stop() {
  const std::lock_guard lock(mutex_);
  stop_.request_stop();
  interrupted_ = true;
  if (child_ != nullptr) child_->Interrupt();
}

}  // namespace lathe
