#include "server/job_board.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "rpc/status.h"
#include "search/spec/resolve_job.h"
#include "server/crash_point.h"
#include "server/evaluation_records.h"
#include "server/job_records.h"
#include "server/job_run.h"
#include "server/job_versions.h"
#include "server/resource_names.h"
#include "server/wire_time.h"

namespace lathe {
namespace {

constexpr size_t kMostRequestId = 64;

absl::Status CheckRequestId(const std::string& id) {
  const bool allowed = std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '-';
  });
  if (allowed && id.size() <= kMostRequestId) return absl::OkStatus();
  return WithReason(
      WithField(absl::InvalidArgumentError(absl::StrCat("request_id: at most ", kMostRequestId,
                                                        " of a-z, A-Z, 0-9, _ and -")),
                "request_id"),
      "REQUEST_ID_INVALID");
}

// With why workers cannot use data or a model that the spec names and nobody else has.
absl::Status WithProblems(const absl::Status& status, const v1::JobSpec& spec,
                          const DatasetSurvey& survey) {
  std::set<std::string> names;
  const auto add = [&names](const v1::Task& task) {
    names.insert({task.dataset(), task.torchscript().name()});
  };
  add(spec.task());
  for (const v1::Transfer& transfer : spec.study().transfers()) add(transfer.task());
  for (const v1::Hurdle& hurdle : spec.hurdles()) add(hurdle.task());
  std::string message(status.message());
  for (const std::string& name : names) {
    const auto problem = survey.problems.find(name);
    const bool known = survey.whole.contains(name) || survey.models.contains(name);
    if (problem == survey.problems.end() || known) continue;
    absl::StrAppend(&message, "; ", problem->second);
  }
  return {status.code(), message};
}

// A message of a resolver is "FIELD: PROBLEM".
absl::Status WrongSpec(const absl::Status& status) {
  const std::string message(status.message());
  const std::string field = message.substr(0, message.find(':'));
  return WithReason(WithField(status, absl::StrCat("spec.", field)), "SPEC_INVALID");
}

}  // namespace

JobBoard::JobBoard(Store& store, EvaluationDesk& desk, Metrics& metrics)
    : store_(store), desk_(desk), metrics_(metrics) {}

JobBoard::~JobBoard() {
  Stop();
}

absl::Status JobBoard::Restore(Unfinished unfinished) {
  auto jobs = ReadUnfinishedJobs(store_, last_id_);
  if (!jobs.ok()) return jobs.status();
  for (auto& [id, job] : *jobs) {
    absl::Status status = RestoreOne(id, std::move(job), unfinished);
    if (!status.ok()) return status;
  }
  const std::lock_guard lock(mutex_);
  StartNext();
  return absl::OkStatus();
}

absl::Status JobBoard::RestoreOne(JobId id, v1::Job job, Unfinished unfinished) {
  const auto spec = ReadJobSpec(store_, id);
  if (!spec.ok()) return spec.status();
  const auto sequence = NextLogSequence(store_, id);
  if (!sequence.ok()) return sequence.status();
  job.clear_name();
  auto live = std::make_shared<LiveJob>(store_, metrics_, id, std::move(job), *spec, *sequence);
  CrashPoint("restore.job");
  if (unfinished == Unfinished::kAbandon) {
    const std::string reason = "left unfinished by a server that ended";
    live->Log(v1::LogEntry::WARNING, reason);
    return live->Update([&](v1::Job& changed) {
      changed.set_state(v1::Job::CANCELLED);
      changed.set_state_reason(reason);
      changed.clear_waiting_for();
      *changed.mutable_end_time() = CurrentTimestamp();
    });
  }
  const v1::Job found = live->Snapshot();
  absl::Status status;
  if (absl::Status fits = CheckVersions(found); !fits.ok()) {
    if (found.state() != v1::Job::PAUSED) {
      live->Log(v1::LogEntry::ERROR, std::string(fits.message()));
      status = live->Update([&](v1::Job& changed) {
        changed.set_state(v1::Job::PAUSED);
        changed.set_state_reason(std::string(fits.message()));
      });
    }
  } else if (found.state() != v1::Job::PAUSED) {
    if (found.state() == v1::Job::RUNNING) {
      live->Log(v1::LogEntry::INFO,
                "taken up again by a new server; what was evaluated is not run again");
    }
    status = live->Update([](v1::Job& changed) { changed.set_state(v1::Job::QUEUED); });
  }
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  Add(std::move(live));
  return absl::OkStatus();
}

void JobBoard::Stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, entry] : entries_) {
      entry.inbox->Interrupt();
      if (entry.thread.joinable()) threads.push_back(std::move(entry.thread));
    }
  }
  for (std::thread& thread : threads) thread.join();
  Reap();
}

void JobBoard::Reap() {
  std::vector<std::thread> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (std::thread& thread : ended) thread.join();
}

absl::StatusOr<v1::Job> JobBoard::Create(const v1::CreateJobRequest& request) {
  if (absl::Status status = CheckRequestId(request.request_id()); !status.ok()) return status;
  const auto datasets = DatasetsFor(request.request_id());
  if (!datasets.ok()) return datasets.status();
  absl::StatusOr<v1::JobSpec> spec = ResolveJob(request.spec(), datasets->Catalog());
  if (!spec.ok()) return WrongSpec(WithProblems(spec.status(), request.spec(), *datasets));

  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return WithReason(absl::UnavailableError("the server is stopping"), "SERVER_STOPPING");
  }
  const auto known = FindByRequest(request.request_id(), *spec);
  if (!known.ok()) return known.status();
  if (*known) return **known;

  // Times as numbers, so that they ascend over the lives of a server; made unique.
  const JobId id = last_id_ = std::max<JobId>(last_id_ + 1, absl::GetCurrentTimeNanos() / 1000);
  v1::Job job;
  job.set_display_name(spec->name());
  job.set_state(v1::Job::QUEUED);
  job.set_engine_version(kEngineVersion);
  job.set_language_version(kLanguageVersion);
  job.set_request_id(request.request_id());
  job.set_revision(1);
  *job.mutable_create_time() = CurrentTimestamp();
  WriteBatch batch;
  batch.Put(Kind::kJobSpecs, JobSpecKey(id), spec->SerializeAsString());
  if (!request.request_id().empty()) {
    batch.Put(Kind::kRequests, request.request_id(), JobIdBytes(id));
  }
  batch.Put(Kind::kJobs, JobKey(id), job.SerializeAsString());
  batch.Put(Kind::kEvents, EventKey(id, job.revision()), job.SerializeAsString());
  if (absl::Status status = WriteMeasured(store_, metrics_, batch); !status.ok()) return status;
  CrashPoint("create.after_write");

  metrics_.jobs_created.Increment();
  auto live = std::make_shared<LiveJob>(store_, metrics_, id, std::move(job), *spec, 0);
  live->Log(v1::LogEntry::INFO, "created");
  v1::Job answer = live->Snapshot();
  answer.set_name(JobName(id));
  *answer.mutable_spec() = *std::move(spec);
  Add(std::move(live));
  StartNext();
  return answer;
}

// A request that is repeated means the data and models that it meant at first, whatever workers
// have now.
absl::StatusOr<DatasetSurvey> JobBoard::DatasetsFor(const std::string& request_id) {
  DatasetSurvey survey = desk_.Datasets();
  if (request_id.empty()) return survey;
  const auto found = ReadJobOfRequest(store_, request_id);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return survey;
  const auto earlier = ReadJobSpec(store_, **found);
  if (!earlier.ok()) return earlier.status();
  const auto take = [&survey](const v1::Task& task) {
    survey.whole[task.dataset()] = task.data();
    if (!task.has_torchscript()) return;
    survey.models[task.torchscript().name()] = task.torchscript().description();
  };
  for (const v1::Transfer& transfer : earlier->study().transfers()) take(transfer.task());
  for (const v1::Hurdle& hurdle : earlier->hurdles()) take(hurdle.task());
  take(earlier->task());
  return survey;
}

absl::StatusOr<std::optional<v1::Job>> JobBoard::FindByRequest(const std::string& request_id,
                                                               const v1::JobSpec& spec) const {
  if (request_id.empty()) return std::nullopt;
  const auto found = ReadJobOfRequest(store_, request_id);
  if (!found.ok()) return found.status();
  const std::optional<JobId> id = *found;
  if (!id) return std::nullopt;
  const auto earlier = ReadJobSpec(store_, *id);
  if (!earlier.ok()) return earlier.status();
  if (!google::protobuf::util::MessageDifferencer::Equals(*earlier, spec)) {
    return WithReason(
        WithField(absl::InvalidArgumentError(absl::StrCat("request_id: was used before, for ",
                                                          JobName(*id), " with another spec")),
                  "request_id"),
        "REQUEST_ID_REUSED");
  }
  const auto live = entries_.find(*id);
  absl::StatusOr<v1::Job> job =
      live == entries_.end() ? ReadJob(store_, *id) : live->second.job->Snapshot();
  if (!job.ok()) return job.status();
  job->set_name(JobName(*id));
  *job->mutable_spec() = *earlier;
  return *std::move(job);
}

absl::StatusOr<v1::Job> JobBoard::Get(JobId id) const {
  return Get(id, Live(id));
}

absl::StatusOr<v1::Job> JobBoard::Get(JobId id, const std::shared_ptr<LiveJob>& live) const {
  absl::StatusOr<v1::Job> job = live != nullptr ? live->Snapshot() : ReadJob(store_, id);
  if (!job.ok()) return job.status();
  auto spec = live != nullptr ? live->Spec() : ReadJobSpec(store_, id);
  if (!spec.ok()) return spec.status();
  job->set_name(JobName(id));
  *job->mutable_spec() = *std::move(spec);
  return job;
}

absl::StatusOr<std::vector<v1::Job>> JobBoard::List(std::string_view first_key, size_t most) const {
  auto entries = store_.Scan(Kind::kJobs, first_key, "", most);
  if (!entries.ok()) return entries.status();
  std::vector<v1::Job> jobs;
  for (const auto& [key, value] : *entries) {
    const auto id = ParseJobKey(key);
    if (!id) return DamagedRecord(Kind::kJobs, key);
    v1::Job job;
    if (const auto live = Live(*id)) {
      job = live->Snapshot();
    } else if (!job.ParseFromString(value)) {
      return DamagedRecord(Kind::kJobs, key);
    }
    job.set_name(JobName(*id));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::shared_ptr<LiveJob> JobBoard::Live(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id);
  return entry == entries_.end() ? nullptr : entry->second.job;
}

void JobBoard::Add(std::shared_ptr<LiveJob> job) {
  const JobId id = job->Id();
  auto inbox = std::make_shared<JobInbox>(job->Snapshot().progress().evaluations());
  entries_[id] = {std::move(job), std::move(inbox), -1, {}};
}

// Starts queued jobs, the oldest first, while there are slots.
void JobBoard::StartNext() {
  for (auto& [id, entry] : entries_) {
    if (stopping_) return;
    if (entry.slot >= 0 || entry.thread.joinable()) continue;
    if (entry.job->Snapshot().state() != v1::Job::QUEUED) continue;
    const int slot = FreeSlot();
    if (slot < 0) return;
    Start(entry, slot);
  }
}

// The slot that was left the longest ago, so that the series of recent jobs stay; -1 if all run.
int JobBoard::FreeSlot() const {
  int best = -1;
  for (int slot = 0; slot < kJobSlots; ++slot) {
    const auto user = entries_.find(slots_[slot]);
    if (user != entries_.end() && user->second.slot == slot) continue;
    if (best < 0 || slot_uses_[slot] < slot_uses_[best]) best = slot;
  }
  return best;
}

void JobBoard::Start(Entry& entry, int slot) {
  entry.slot = slot;
  slots_[slot] = entry.job->Id();
  const JobGauges gauges = metrics_.TakeSlot(slot, entry.job->Spec().name());
  entry.thread = std::thread([this, job = entry.job, inbox = entry.inbox, slot, gauges] {
    JobRun(*job, inbox, desk_, store_, metrics_, gauges).Run();
    const std::lock_guard lock(mutex_);
    Entry& mine = entries_.at(job->Id());
    mine.slot = -1;
    slot_uses_[slot] = ++uses_;
    if (mine.thread.joinable()) ended_.push_back(std::move(mine.thread));
    if (HasEnded(job->Snapshot().state())) entries_.erase(job->Id());
    job_left_.notify_all();
    StartNext();
  });
}

}  // namespace lathe
