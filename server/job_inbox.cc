#include "server/job_inbox.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

// More at a time are counted, not kept.
constexpr size_t kMostWarnings = 100;

}  // namespace

void JobInbox::Deliver(uint64_t id, absl::StatusOr<EvaluationResult> result,
                       const v1::EvaluationCounts& sources) {
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back({id, std::move(result)});
    sources_.set_run(sources_.run() + sources.run());
    sources_.set_from_store(sources_.from_store() + sources.from_store());
    sources_.set_merged(sources_.merged() + sources.merged());
    sources_.set_device_seconds(sources_.device_seconds() + sources.device_seconds());
  }
  happened_.notify_all();
}

void JobInbox::WorkersChanged() {
  {
    const std::lock_guard lock(mutex_);
    workers_changed_ = woken_ = true;
  }
  happened_.notify_all();
}

void JobInbox::Warn(const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (warnings_.size() < kMostWarnings) {
    warnings_.push_back(message);
  } else {
    ++warnings_left_out_;
  }
}

void JobInbox::RequestLeave(Leave leave) {
  {
    const std::lock_guard lock(mutex_);
    leave_ = std::max(leave_, leave);
    woken_ = true;
  }
  happened_.notify_all();
}

JobInbox::Leave JobInbox::LeaveRequested() const {
  const std::lock_guard lock(mutex_);
  return leave_;
}

void JobInbox::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = woken_ = true;
  }
  happened_.notify_all();
}

bool JobInbox::StopRequested() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

bool JobInbox::WaitForInterrupt(absl::Duration most) {
  std::unique_lock lock(mutex_);
  return happened_.wait_for(lock, absl::ToChronoMilliseconds(most),
                            [this] { return leave_ == Leave::kInterrupt; });
}

std::optional<JobInbox::Finished> JobInbox::Poll() {
  const std::lock_guard lock(mutex_);
  if (finished_.empty()) return std::nullopt;
  Finished first = std::move(finished_.front());
  finished_.pop_front();
  return first;
}

void JobInbox::Wait(absl::Duration most) {
  std::unique_lock lock(mutex_);
  happened_.wait_for(lock, absl::ToChronoMilliseconds(most),
                     [this] { return woken_ || !finished_.empty(); });
  woken_ = false;
}

bool JobInbox::TakeWorkersChanged() {
  const std::lock_guard lock(mutex_);
  return std::exchange(workers_changed_, false);
}

std::vector<std::string> JobInbox::TakeWarnings() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> warnings = std::exchange(warnings_, {});
  if (const size_t more = std::exchange(warnings_left_out_, 0); more > 0) {
    warnings.push_back(absl::StrCat("and ", more, " more warnings like these"));
  }
  return warnings;
}

v1::EvaluationCounts JobInbox::Sources() const {
  const std::lock_guard lock(mutex_);
  return sources_;
}

}  // namespace lathe
