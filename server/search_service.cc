#include "server/search_service.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rpc/status.h"
#include "server/evaluation_records.h"
#include "server/job_events.h"
#include "server/page.h"
#include "server/resource_names.h"
#include "server/search_log.h"
#include "server/verification.h"

namespace lathe {
namespace {

// Each holds a thread.
constexpr int kMostWatchers = 256;

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
  const auto [job, index] = *parsed;
  auto found = ReadCandidates(store, job, index, 1);
  if (!found.ok()) return found.status();
  if (!found->empty() && found->front().index() == index) return found->front();
  return WithReason(absl::NotFoundError(absl::StrCat("there is no ", name)), "CANDIDATE_NOT_FOUND");
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

absl::StatusOr<v1::ListCandidatesResponse> ListOfCandidates(
    const Store& store, const JobBoard& board, const v1::ListCandidatesRequest& request) {
  const auto id = ParseJobName(request.parent(), "parent");
  if (!id.ok()) return id.status();
  if (const auto job = board.Get(*id); !job.ok()) return job.status();
  const auto page = ParsePage(request.page_size(), request.page_token(), CandidateKey(*id, 0),
                              CandidateKey(*id, kMostCandidates));
  if (!page.ok()) return page.status();
  const auto first = ParseCandidateIndex(page->first_key);
  if (!first) return WrongPage("page_token", "is not one that this list has given");
  auto candidates = ReadCandidates(store, *id, *first, page->size + 1);
  if (!candidates.ok()) return candidates.status();
  v1::ListCandidatesResponse response;
  size_t bytes = 0;
  for (v1::Candidate& candidate : *candidates) {
    bytes += candidate.ByteSizeLong();
    const auto count = static_cast<size_t>(response.candidates_size());
    if (count == page->size || (count > 0 && bytes > kMostPageBytes)) {
      response.set_next_page_token(PageToken(CandidateKey(*id, candidate.index())));
      break;
    }
    *response.add_candidates() = std::move(candidate);
  }
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

grpc::Status SearchServiceImpl::PauseJob(grpc::ServerContext*, const v1::PauseJobRequest* request,
                                         v1::Job* response) {
  return ChangeJob(request->name(), &JobBoard::PauseJob, response);
}

grpc::Status SearchServiceImpl::ResumeJob(grpc::ServerContext*, const v1::ResumeJobRequest* request,
                                          v1::Job* response) {
  return ChangeJob(request->name(), &JobBoard::ResumeJob, response);
}

grpc::Status SearchServiceImpl::StopJob(grpc::ServerContext*, const v1::StopJobRequest* request,
                                        v1::Job* response) {
  return ChangeJob(request->name(), &JobBoard::StopJob, response);
}

grpc::Status SearchServiceImpl::CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                                          v1::Job* response) {
  return ChangeJob(request->name(), &JobBoard::CancelJob, response);
}

grpc::Status SearchServiceImpl::DeleteJob(grpc::ServerContext*, const v1::DeleteJobRequest* request,
                                          v1::DeleteJobResponse*) {
  const auto id = ParseJobName(request->name(), "name");
  return ToGrpc(id.ok() ? board_.DeleteJob(*id) : id.status());
}

grpc::Status SearchServiceImpl::ChangeJob(const std::string& name,
                                          absl::StatusOr<v1::Job> (JobBoard::*change)(JobId),
                                          v1::Job* response) {
  const auto id = ParseJobName(name, "name");
  if (!id.ok()) return ToGrpc(id.status());
  return Answer((board_.*change)(*id), response);
}

grpc::Status SearchServiceImpl::WatchJob(grpc::ServerContext* context,
                                         const v1::WatchJobRequest* request,
                                         grpc::ServerWriter<v1::WatchJobResponse>* writer) {
  const auto id = ParseJobName(request->name(), "name");
  if (!id.ok()) return ToGrpc(id.status());
  absl::Status status = WithReason(
      absl::ResourceExhaustedError(absl::StrCat("there are ", kMostWatchers, " watches already")),
      "TOO_MANY_WATCHES");
  if (++watchers_ <= kMostWatchers) {
    const JobEvents events(store_, board_, *id);
    status = events.Tell(
        request->has_after_revision() ? request->after_revision() : -1,
        [&](v1::Job job) {
          v1::WatchJobResponse response;
          *response.mutable_job() = std::move(job);
          return writer->Write(response);
        },
        [&] { return context->IsCancelled(); }, [&] { return stopping_.load(); });
  }
  --watchers_;
  return ToGrpc(status);
}

grpc::Status SearchServiceImpl::VerifyJob(grpc::ServerContext* context,
                                          const v1::VerifyJobRequest* request,
                                          grpc::ServerWriter<v1::VerifyJobResponse>* writer) {
  return ToGrpc(lathe::VerifyJob(
      store_, board_, desk_, metrics_, *request,
      [&](const v1::VerifyJobResponse& response) { return writer->Write(response); },
      [&] { return context->IsCancelled() || stopping_; }));
}

grpc::Status SearchServiceImpl::GetJobReport(grpc::ServerContext*,
                                             const v1::GetJobReportRequest* request,
                                             v1::JobReport* response) {
  return Answer(ReadReport(store_, board_, request->name()), response);
}

grpc::Status SearchServiceImpl::ListCandidates(grpc::ServerContext*,
                                               const v1::ListCandidatesRequest* request,
                                               v1::ListCandidatesResponse* response) {
  return Answer(ListOfCandidates(store_, board_, *request), response);
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
