// Commands about jobs: submit, jobs, watch, what is done to them, logs.
#include <chrono>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/job_text.h"
#include "clients/cli/job_watch.h"
#include "clients/cli/message_json.h"
#include "clients/cli/resource_names.h"
#include "clients/job/job_file.h"
#include "clients/job/source_text.h"

namespace lathe {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

absl::StatusOr<v1::CreateJobRequest> RequestOf(const SubmitOptions& options) {
  std::vector<std::string> overrides = options.overrides;
  if (options.seed) overrides.push_back("seed=" + *options.seed);
  absl::StatusOr<v1::JobSpec> spec = ReadJobFile(options.job_file, overrides);
  // Whatever is wrong with it, also that it is not there, is wrong with the request.
  if (!spec.ok()) return absl::InvalidArgumentError(spec.status().message());
  v1::CreateJobRequest request;
  *request.mutable_spec() = *std::move(spec);
  request.set_request_id(options.request_id);
  return request;
}

// What the service says of a spec is about the file.
absl::Status InFile(const absl::Status& status, const std::string& file) {
  const bool about_spec = status.code() == absl::StatusCode::kInvalidArgument &&
                          status.message().find("request_id") != 0;
  if (!about_spec) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(Printable(file, 4096), ": ", std::string(status.message())));
}

// The entries of a job's log that have not been read yet.
class LogReader {
 public:
  LogReader(Client& client, std::string job) : client_(client), job_(std::move(job)) {}

  absl::StatusOr<std::vector<v1::LogEntry>> ReadNew() {
    std::vector<v1::LogEntry> entries;
    while (true) {
      const auto page = client_.ListLogEntries(job_, token_);
      if (!page.ok()) return page.status();
      for (const v1::LogEntry& entry : page->entries()) {
        if (entry.sequence() < next_) continue;
        next_ = entry.sequence() + 1;
        entries.push_back(entry);
      }
      // The last page is read again, for what will follow on it.
      if (page->next_page_token().empty() || page->next_page_token() == token_) return entries;
      token_ = page->next_page_token();
    }
  }

 private:
  Client& client_;
  const std::string job_;
  std::string token_;  // of the last page
  int64_t next_ = 0;   // sequence
};

std::string Done(JobVerb verb, bool ended) {
  switch (verb) {
    case JobVerb::kPause: return "is paused";
    case JobVerb::kResume: return "goes on";
    case JobVerb::kStop: return ended ? "is stopped" : "finishes what it has proposed";
    case JobVerb::kCancel: return ended ? "is cancelled" : "is being cancelled";
    case JobVerb::kDelete: return "is deleted";
  }
  return "";
}

absl::Status FollowLog(Client& client, const std::string& job, bool json, Interrupt& interrupt) {
  LogReader reader(client, job);
  while (true) {
    // Asked first: what is logged before the end is read below.
    const absl::StatusOr<v1::Job> state = client.GetJob(job);
    if (!state.ok()) return state.status();
    const auto entries = reader.ReadNew();
    if (!entries.ok()) return entries.status();
    for (const v1::LogEntry& entry : *entries) {
      PrintLine(json ? MessageJson(entry) : LogLine(entry));
    }
    if (HasEnded(state->state())) return absl::OkStatus();
    if (interrupt.WaitFor(1)) return absl::CancelledError(job + " goes on");
  }
}

}  // namespace

absl::Status SubmitCommand(const Address& server, const SubmitOptions& options, bool json) {
  const absl::StatusOr<v1::CreateJobRequest> request = RequestOf(options);
  if (!request.ok()) return request.status();
  std::optional<Interrupt> interrupt;
  if (options.watch) interrupt.emplace();
  Client client(server);
  const absl::StatusOr<v1::Job> job = client.CreateJob(*request);
  if (!job.ok()) return InFile(job.status(), options.job_file);
  PrintLine(json ? MessageJson(*job) : OneLine(job->name()));
  return interrupt ? WatchToEnd(client, job->name(), json, *interrupt) : absl::OkStatus();
}

absl::Status JobsCommand(const Address& server, size_t most, bool json) {
  Client client(server);
  const absl::StatusOr<v1::ListJobsResponse> jobs = client.ListJobs(most);
  if (!jobs.ok()) return jobs.status();
  if (json) {
    PrintLine(MessageJson(*jobs));
  } else {
    std::fputs(JobTable({jobs->jobs().begin(), jobs->jobs().end()}, Now()).c_str(), stdout);
  }
  return absl::OkStatus();
}

absl::Status WatchCommand(const Address& server, const std::string& job, bool json) {
  Interrupt interrupt;
  Client client(server);
  const absl::StatusOr<std::string> name = FindJob(job, client);
  return name.ok() ? WatchToEnd(client, *name, json, interrupt) : name.status();
}

absl::Status JobVerbCommand(const Address& server, JobVerb verb, const std::string& job,
                            bool json) {
  Client client(server);
  const absl::StatusOr<std::string> name = FindJob(job, client);
  if (!name.ok()) return name.status();
  absl::StatusOr<v1::Job> changed = v1::Job();
  switch (verb) {
    case JobVerb::kPause: changed = client.PauseJob(*name); break;
    case JobVerb::kResume: changed = client.ResumeJob(*name); break;
    case JobVerb::kStop: changed = client.StopJob(*name); break;
    case JobVerb::kCancel: changed = client.CancelJob(*name); break;
    case JobVerb::kDelete:
      if (absl::Status status = client.DeleteJob(*name); !status.ok()) return status;
      changed->set_name(*name);
      break;
  }
  if (!changed.ok()) return changed.status();
  PrintLine(json ? MessageJson(*changed)
                 : absl::StrCat(*name, " ", Done(verb, HasEnded(changed->state()))));
  return absl::OkStatus();
}

absl::Status LogsCommand(const Address& server, const std::string& job, bool follow, bool json) {
  std::optional<Interrupt> interrupt;
  if (follow) interrupt.emplace();
  Client client(server);
  const absl::StatusOr<std::string> name = FindJob(job, client);
  if (!name.ok()) return name.status();
  if (interrupt) return FollowLog(client, *name, json, *interrupt);
  const auto entries = LogReader(client, *name).ReadNew();
  if (!entries.ok()) return entries.status();
  if (json) {
    v1::ListLogEntriesResponse whole;
    whole.mutable_entries()->Assign(entries->begin(), entries->end());
    PrintLine(MessageJson(whole));
    return absl::OkStatus();
  }
  for (const v1::LogEntry& entry : *entries) PrintLine(LogLine(entry));
  return absl::OkStatus();
}

}  // namespace lathe
