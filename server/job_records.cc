#include "server/job_records.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rpc/status.h"
#include "search/spec/resolve_job.h"
#include "server/evaluation_records.h"
#include "server/live_job.h"
#include "server/resource_names.h"

namespace lathe {
namespace {

constexpr size_t kScanStep = 256;

absl::Status NoJob(JobId id) {
  return WithReason(absl::NotFoundError(absl::StrCat("there is no ", JobName(id))), "JOB_NOT_FOUND",
                    {{"job", JobName(id)}});
}

std::optional<JobId> JobIdFromBytes(std::string_view bytes) {
  if (bytes.size() != 8) return std::nullopt;
  JobId id = 0;
  for (unsigned char byte : bytes) id = id << 8 | byte;
  return id;
}

}  // namespace

std::string JobIdBytes(JobId id) {
  return JobSpecKey(id);  // the number, most significant byte first
}

absl::StatusOr<v1::Job> ReadJob(const Store& store, JobId id) {
  const auto bytes = store.Get(Kind::kJobs, JobKey(id));
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return NoJob(id);
  v1::Job job;
  if (!job.ParseFromString(**bytes)) return DamagedRecord(Kind::kJobs, JobKey(id));
  return job;
}

absl::StatusOr<v1::JobSpec> ReadJobSpec(const Store& store, JobId id) {
  const auto bytes = store.Get(Kind::kJobSpecs, JobSpecKey(id));
  if (!bytes.ok()) return bytes.status();
  v1::JobSpec spec;
  if (!*bytes || !spec.ParseFromString(**bytes)) {
    return DamagedRecord(Kind::kJobSpecs, JobSpecKey(id));
  }
  // An earlier version has left out what it did not know; otherwise this changes nothing.
  return ResolveJob(spec);
}

absl::StatusOr<int64_t> NextLogSequence(const Store& store, JobId id) {
  const std::string prefix = JobIdBytes(id);
  std::string begin = prefix;
  int64_t next = 0;
  while (true) {
    auto entries = store.Scan(Kind::kLogEntries, begin, EndOfPrefix(prefix), kScanStep);
    if (!entries.ok()) return entries.status();
    next += static_cast<int64_t>(entries->size());
    if (entries->size() < kScanStep) return next;
    begin = entries->back().first + '\0';
  }
}

absl::StatusOr<std::optional<JobId>> ReadJobOfRequest(const Store& store,
                                                      const std::string& request_id) {
  const auto bytes = store.Get(Kind::kRequests, request_id);
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return std::nullopt;
  const auto id = JobIdFromBytes(**bytes);
  if (!id) return DamagedRecord(Kind::kRequests, request_id);
  return id;
}

absl::StatusOr<std::vector<std::pair<JobId, v1::Job>>> ReadUnfinishedJobs(const Store& store,
                                                                          JobId& last_id) {
  std::vector<std::pair<JobId, v1::Job>> jobs;
  std::string begin;
  while (true) {
    auto entries = store.Scan(Kind::kJobs, begin, "", kScanStep);
    if (!entries.ok()) return entries.status();
    for (const auto& [key, value] : *entries) {
      const auto id = ParseJobKey(key);
      v1::Job job;
      if (!id || !job.ParseFromString(value)) return DamagedRecord(Kind::kJobs, key);
      last_id = std::max(last_id, *id);
      if (!HasEnded(job.state())) jobs.emplace_back(*id, std::move(job));
    }
    if (entries->size() < kScanStep) break;
    begin = entries->back().first + '\0';
  }
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

}  // namespace lathe
