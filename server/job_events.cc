#include "server/job_events.h"

#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "server/evaluation_records.h"
#include "server/resource_names.h"

namespace lathe {
namespace {

// How soon a watch notices that its reader or the server has gone.
constexpr absl::Duration kPatience = absl::Milliseconds(200);
constexpr size_t kStep = 64;

absl::Status TooOld(JobId id, int64_t after, int64_t oldest) {
  return WithReason(
      absl::OutOfRangeError(absl::StrCat("revision ", after + 1, " of ", JobName(id),
                                         " is no longer kept; the oldest one is ", oldest)),
      "WATCH_TOO_OLD", {{"job", JobName(id)}, {"oldest_revision", std::to_string(oldest)}});
}

absl::Status NotReached(JobId id, int64_t after, int64_t latest) {
  return WithReason(absl::OutOfRangeError(absl::StrCat(JobName(id), " has no revision ", after,
                                                       "; the latest one is ", latest)),
                    "REVISION_UNKNOWN",
                    {{"job", JobName(id)}, {"latest_revision", std::to_string(latest)}});
}

absl::Status GivenUp() {
  return absl::CancelledError("the watch was given up by its reader");
}

}  // namespace

// The next events, without a gap after `after`; none if there are none yet.
absl::StatusOr<std::vector<v1::Job>> JobEvents::Read(int64_t after) const {
  const auto entries =
      store_.Scan(Kind::kEvents, EventKey(id_, after + 1), EndOfPrefix(JobPrefix(id_)), kStep);
  if (!entries.ok()) return entries.status();
  std::vector<v1::Job> jobs;
  for (const auto& [key, value] : *entries) {
    v1::Job& job = jobs.emplace_back();
    if (!job.ParseFromString(value)) return DamagedRecord(Kind::kEvents, key);
    job.set_name(JobName(id_));
  }
  if (!jobs.empty() && jobs.front().revision() != after + 1) {
    return TooOld(id_, after, jobs.front().revision());
  }
  return jobs;
}

absl::Status JobEvents::Tell(int64_t after, const std::function<bool(v1::Job)>& tell,
                             const std::function<bool()>& is_gone,
                             const std::function<bool()>& is_ending) const {
  auto job = board_.Get(id_);
  if (!job.ok()) return job.status();
  job->clear_spec();
  if (after > job->revision()) return NotReached(id_, after, job->revision());
  if (after < 0) {
    after = job->revision();
    if (!tell(*job)) return GivenUp();
    if (HasEnded(job->state())) return absl::OkStatus();
  }
  while (!is_gone()) {
    // Looked for first: a job that is not live any more has no events to come.
    const std::shared_ptr<LiveJob> live = board_.Live(id_);
    const auto events = Read(after);
    if (!events.ok()) return events.status();
    for (const v1::Job& event : *events) {
      after = event.revision();
      if (!tell(event)) return GivenUp();
      if (HasEnded(event.state())) return absl::OkStatus();
    }
    if (!events->empty()) continue;
    if (live == nullptr) {
      const auto last = board_.Get(id_);
      if (!last.ok()) return last.status();
      if (last->revision() > after) return TooOld(id_, after, last->revision());
      return absl::OkStatus();
    }
    if (live->WaitForChange(after, kPatience)) continue;
    if (is_ending()) {
      return WithReason(absl::UnavailableError("the server is stopping"), "SERVER_STOPPING");
    }
  }
  return GivenUp();
}

}  // namespace lathe
