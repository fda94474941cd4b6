#include "server/search_service.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rpc/status.h"
#include "server/evaluation_records.h"
#include "server/page.h"
#include "server/resource_names.h"

namespace lathe {
namespace {

// Each holds a thread.
constexpr int kMostWatchers = 256;
// How soon a watch notices that its reader or the server has gone.
constexpr absl::Duration kWatchPatience = absl::Milliseconds(200);

// Answers with what is found, or with the status.
template <typename Message>
grpc::Status Answer(absl::StatusOr<Message> found, Message* response) {
  if (!found.ok()) return ToGrpc(found.status());
  *response = *std::move(found);
  return grpc::Status::OK;
}

// The record under a key; `missing` if there is none.
template <typename Message>
absl::StatusOr<Message> Read(const Store& store, Kind kind, const std::string& key,
                             const absl::Status& missing) {
  const auto bytes = store.Get(kind, key);
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return missing;
  Message message;
  if (!message.ParseFromString(**bytes)) return DamagedRecord(kind, key);
  return message;
}

absl::StatusOr<v1::JobReport> ReadReport(const Store& store, const JobBoard& board,
                                         const std::string& name) {
  const auto id = ParseJobName(name, "name");
  if (!id.ok()) return id.status();
  const auto job = board.Get(*id);
  if (!job.ok()) return job.status();
  const absl::Status missing = WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          name, " has no report: it is ", v1::Job::State_Name(job->state()), ", not SUCCEEDED")),
      "JOB_HAS_NO_REPORT", {{"job", name}});
  return Read<v1::JobReport>(store, Kind::kReports, ReportKey(*id), missing);
}

absl::StatusOr<v1::Candidate> ReadCandidate(const Store& store, const std::string& name) {
  const auto parsed = ParseCandidateName(name, "name");
  if (!parsed.ok()) return parsed.status();
  auto candidate = Read<v1::Candidate>(
      store, Kind::kCandidates, CandidateKey(parsed->first, parsed->second),
      WithReason(absl::NotFoundError(absl::StrCat("there is no ", name)), "CANDIDATE_NOT_FOUND"));
  if (candidate.ok()) candidate->set_name(name);
  return candidate;
}

absl::StatusOr<v1::Program> ReadProgram(const Store& store, const std::string& name) {
  const auto hash = ParseProgramName(name, "name");
  if (!hash.ok()) return hash.status();
  auto program = Read<v1::Program>(
      store, Kind::kPrograms, ProgramKey(*hash),
      WithReason(absl::NotFoundError(absl::StrCat("there is no ", name)), "PROGRAM_NOT_FOUND"));
  if (program.ok()) program->set_name(name);
  return program;
}

absl::StatusOr<v1::ListCandidatesResponse> ReadCandidates(
    const Store& store, const JobBoard& board, const v1::ListCandidatesRequest& request) {
  const auto id = ParseJobName(request.parent(), "parent");
  if (!id.ok()) return id.status();
  if (const auto job = board.Get(*id); !job.ok()) return job.status();
  const std::string begin = CandidateKey(*id, 0), end = EndOfPrefix(JobSpecKey(*id));
  auto page =
      ReadPage(store, Kind::kCandidates, request.page_size(), request.page_token(), begin, end);
  if (!page.ok()) return page.status();
  v1::ListCandidatesResponse response;
  for (const auto& [key, value] : page->entries) {
    v1::Candidate& candidate = *response.add_candidates();
    if (!candidate.ParseFromString(value)) return DamagedRecord(Kind::kCandidates, key);
    candidate.set_name(CandidateName(*id, candidate.index()));
  }
  response.set_next_page_token(page->next_page_token);
  return response;
}

absl::StatusOr<v1::ListLogEntriesResponse> ReadLog(const Store& store, const JobBoard& board,
                                                   const v1::ListLogEntriesRequest& request) {
  const auto id = ParseJobName(request.parent(), "parent");
  if (!id.ok()) return id.status();
  if (const auto job = board.Get(*id); !job.ok()) return job.status();
  const std::string begin = LogEntryKey(*id, 0), end = EndOfPrefix(JobSpecKey(*id));
  auto page =
      ReadPage(store, Kind::kLogEntries, request.page_size(), request.page_token(), begin, end);
  if (!page.ok()) return page.status();
  v1::ListLogEntriesResponse response;
  for (const auto& [key, value] : page->entries) {
    if (!response.add_entries()->ParseFromString(value)) {
      return DamagedRecord(Kind::kLogEntries, key);
    }
  }
  response.set_next_page_token(page->next_page_token);
  return response;
}

absl::StatusOr<v1::ListEvaluationsResponse> ReadEvaluations(
    const Store& store, const v1::ListEvaluationsRequest& request) {
  const auto hash = ParseProgramName(request.parent(), "parent");
  if (!hash.ok()) return hash.status();
  if (const auto program = ReadProgram(store, request.parent()); !program.ok()) {
    return program.status();
  }
  const std::string begin = ProgramKey(*hash), end = EndOfPrefix(begin);
  auto page =
      ReadPage(store, Kind::kEvaluations, request.page_size(), request.page_token(), begin, end);
  if (!page.ok()) return page.status();
  v1::ListEvaluationsResponse response;
  for (const auto& [bytes, value] : page->entries) {
    v1::Evaluation& evaluation = *response.add_evaluations();
    const auto key = ParseEvaluationKey(bytes);
    if (!key || !evaluation.ParseFromString(value)) {
      return DamagedRecord(Kind::kEvaluations, bytes);
    }
    evaluation.set_name(absl::StrCat(ProgramName(*hash), "/evaluations/", HashBytes(bytes).Hex()));
    evaluation.set_seed_index(key->seed_index);
    evaluation.set_measured_test(key->measured_test);
    evaluation.set_numeric_class(key->numeric_class);
  }
  response.set_next_page_token(page->next_page_token);
  return response;
}

absl::StatusOr<v1::ListJobsResponse> ReadJobs(const JobBoard& board,
                                              const v1::ListJobsRequest& request) {
  const auto page = ParsePage(request.page_size(), request.page_token(), "", "");
  if (!page.ok()) return page.status();
  auto jobs = board.List(page->first_key, page->size + 1);
  if (!jobs.ok()) return jobs.status();
  v1::ListJobsResponse response;
  if (jobs->size() > page->size) {
    const auto next = ParseJobName(jobs->back().name(), "name");
    if (!next.ok()) return next.status();
    response.set_next_page_token(PageToken(JobKey(*next)));
    jobs->pop_back();
  }
  for (v1::Job& job : *jobs) *response.add_jobs() = std::move(job);
  return response;
}

// Workers are listed from memory; a page begins after the name in its token.
absl::StatusOr<v1::ListWorkersResponse> PageOfWorkers(std::vector<v1::Worker> workers,
                                                      const v1::ListWorkersRequest& request) {
  const auto page = ParsePage(request.page_size(), request.page_token(), "", "");
  if (!page.ok()) return page.status();
  v1::ListWorkersResponse response;
  for (v1::Worker& worker : workers) {
    if (worker.name() < page->first_key) continue;
    if (static_cast<size_t>(response.workers_size()) == page->size) {
      response.set_next_page_token(PageToken(worker.name()));
      break;
    }
    *response.add_workers() = std::move(worker);
  }
  return response;
}

}  // namespace

grpc::Status SearchServiceImpl::CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                                          v1::Job* response) {
  return Answer(board_.Create(*request), response);
}

grpc::Status SearchServiceImpl::GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                                       v1::Job* response) {
  const auto id = ParseJobName(request->name(), "name");
  if (!id.ok()) return ToGrpc(id.status());
  return Answer(board_.Get(*id), response);
}

grpc::Status SearchServiceImpl::ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                                         v1::ListJobsResponse* response) {
  return Answer(ReadJobs(board_, *request), response);
}

grpc::Status SearchServiceImpl::CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                                          v1::Job* response) {
  const auto id = ParseJobName(request->name(), "name");
  if (!id.ok()) return ToGrpc(id.status());
  return Answer(board_.Cancel(*id), response);
}

grpc::Status SearchServiceImpl::WatchJob(grpc::ServerContext* context,
                                         const v1::WatchJobRequest* request,
                                         grpc::ServerWriter<v1::WatchJobResponse>* writer) {
  const auto id = ParseJobName(request->name(), "name");
  if (!id.ok()) return ToGrpc(id.status());
  if (const auto live = board_.Live(*id)) {
    absl::Status status = WithReason(
        absl::ResourceExhaustedError(absl::StrCat("there are ", kMostWatchers, " watches already")),
        "TOO_MANY_WATCHES");
    if (++watchers_ <= kMostWatchers) status = Watch(*context, *live, *writer);
    --watchers_;
    return ToGrpc(status);
  }
  auto ended = board_.Get(*id);
  if (!ended.ok()) return ToGrpc(ended.status());
  ended->clear_spec();
  v1::WatchJobResponse response;
  *response.mutable_job() = *std::move(ended);
  writer->Write(response);
  return grpc::Status::OK;
}

absl::Status SearchServiceImpl::Watch(grpc::ServerContext& context, const LiveJob& job,
                                      grpc::ServerWriter<v1::WatchJobResponse>& writer) {
  int64_t told = -1;
  while (!context.IsCancelled()) {
    if (!job.WaitForChange(told, kWatchPatience)) {
      if (!stopping_) continue;
      return WithReason(absl::UnavailableError("the server is stopping"), "SERVER_STOPPING");
    }
    v1::WatchJobResponse response;
    *response.mutable_job() = job.Snapshot();
    response.mutable_job()->set_name(JobName(job.Id()));
    told = response.job().revision();
    if (!writer.Write(response)) break;
    if (HasEnded(response.job().state())) return absl::OkStatus();
  }
  return absl::CancelledError("the watch was given up by its reader");
}

grpc::Status SearchServiceImpl::GetJobReport(grpc::ServerContext*,
                                             const v1::GetJobReportRequest* request,
                                             v1::JobReport* response) {
  return Answer(ReadReport(store_, board_, request->name()), response);
}

grpc::Status SearchServiceImpl::ListCandidates(grpc::ServerContext*,
                                               const v1::ListCandidatesRequest* request,
                                               v1::ListCandidatesResponse* response) {
  return Answer(ReadCandidates(store_, board_, *request), response);
}

grpc::Status SearchServiceImpl::GetCandidate(grpc::ServerContext*,
                                             const v1::GetCandidateRequest* request,
                                             v1::Candidate* response) {
  return Answer(ReadCandidate(store_, request->name()), response);
}

grpc::Status SearchServiceImpl::GetProgram(grpc::ServerContext*,
                                           const v1::GetProgramRequest* request,
                                           v1::Program* response) {
  return Answer(ReadProgram(store_, request->name()), response);
}

grpc::Status SearchServiceImpl::ListEvaluations(grpc::ServerContext*,
                                                const v1::ListEvaluationsRequest* request,
                                                v1::ListEvaluationsResponse* response) {
  return Answer(ReadEvaluations(store_, *request), response);
}

grpc::Status SearchServiceImpl::ListLogEntries(grpc::ServerContext*,
                                               const v1::ListLogEntriesRequest* request,
                                               v1::ListLogEntriesResponse* response) {
  return Answer(ReadLog(store_, board_, *request), response);
}

grpc::Status SearchServiceImpl::ListWorkers(grpc::ServerContext*,
                                            const v1::ListWorkersRequest* request,
                                            v1::ListWorkersResponse* response) {
  return Answer(PageOfWorkers(desk_.Workers(), *request), response);
}

}  // namespace lathe
