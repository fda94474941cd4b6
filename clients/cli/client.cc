#include "clients/cli/client.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace lathe {
namespace {

using Clock = std::chrono::system_clock;
using Service = v1::SearchService::StubInterface;

constexpr std::chrono::seconds kConnectTime(2), kCallTime(30);
constexpr size_t kMostPerPage = 1000;

// The end of gRPC's message about a connection, which is the system's own.
std::string ConnectionReason(const std::string& message) {
  const size_t start = message.rfind(": ");
  return start == std::string::npos ? message : message.substr(start + 2);
}

}  // namespace

Client::Client(const Address& address)
    : target_(address.Target()),
      channel_(OpenChannel(address)),
      stub_(v1::SearchService::NewStub(channel_)) {}

absl::Status Client::Connect() {
  if (connected_) return absl::OkStatus();
  const auto deadline = Clock::now() + kConnectTime;
  grpc_connectivity_state state = channel_->GetState(true);
  // A call that follows a failure ends at once, with the reason.
  while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
    if (!channel_->WaitForStateChange(state, deadline)) {
      return NoServer(absl::StrCat("no answer within ", kConnectTime.count(), " s"));
    }
    state = channel_->GetState(true);
  }
  connected_ = state == GRPC_CHANNEL_READY;
  return absl::OkStatus();
}

absl::Status Client::NoServer(const std::string& reason) const {
  return absl::UnavailableError(absl::StrCat("no server at ", target_, " (", reason,
                                             "); start one with lathe-server, or use lathe run"));
}

// What the server itself says has a reason; the rest comes from what lies between.
absl::Status Client::ErrorOf(const grpc::Status& grpc_status) const {
  const absl::Status status = FromGrpc(grpc_status);
  if (!ReasonOf(status).empty()) return status;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return NoServer(ConnectionReason(grpc_status.error_message()));
    case absl::StatusCode::kDeadlineExceeded:
      return absl::UnavailableError(absl::StrCat(
          "the server at ", target_, " has not answered within ", kCallTime.count(), " s"));
    case absl::StatusCode::kUnimplemented:
      return absl::UnavailableError(
          absl::StrCat("what listens at ", target_, " is no lathe-server of this version"));
    default:
      return absl::UnavailableError(
          absl::StrCat("the server at ", target_, ": ", grpc_status.error_message()));
  }
}

template <typename Request, typename Response>
absl::StatusOr<Response> Client::Call(Method<Request, Response> method, const Request& request) {
  if (absl::Status status = Connect(); !status.ok()) return status;
  grpc::ClientContext context;
  context.set_deadline(Clock::now() + kCallTime);
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) return ErrorOf(status);
  return response;
}

template <typename Request, typename Response>
absl::StatusOr<Response> Client::CallByName(Method<Request, Response> method,
                                            const std::string& name) {
  Request request;
  request.set_name(name);
  return Call(method, request);
}

template <typename Request, typename Response>
absl::StatusOr<Response> Client::PageOf(Method<Request, Response> method, const std::string& parent,
                                        const std::string& page_token) {
  Request request;
  request.set_parent(parent);
  request.set_page_size(kMostPerPage);
  request.set_page_token(page_token);
  return Call(method, request);
}

template <typename Request, typename Response>
absl::StatusOr<Response> Client::List(Method<Request, Response> method, Request request,
                                      int (Response::*size)() const, size_t most) {
  Response whole;
  do {
    const size_t missing = most - static_cast<size_t>((whole.*size)());
    request.set_page_size(static_cast<int>(std::min(missing, kMostPerPage)));
    request.set_page_token(whole.next_page_token());
    absl::StatusOr<Response> page = Call(method, request);
    if (!page.ok()) return page.status();
    if (!page->next_page_token().empty() && page->next_page_token() == request.page_token()) {
      return absl::InternalError(absl::StrCat("the server at ", target_, " repeats a page"));
    }
    whole.clear_next_page_token();
    whole.MergeFrom(*page);
  } while (!whole.next_page_token().empty() && static_cast<size_t>((whole.*size)()) < most);
  whole.clear_next_page_token();
  return whole;
}

absl::StatusOr<v1::Job> Client::CreateJob(const v1::CreateJobRequest& request) {
  return Call(&Service::CreateJob, request);
}

absl::StatusOr<v1::Job> Client::GetJob(const std::string& name) {
  return CallByName(&Service::GetJob, name);
}

absl::StatusOr<v1::Job> Client::PauseJob(const std::string& name) {
  return CallByName(&Service::PauseJob, name);
}

absl::StatusOr<v1::Job> Client::ResumeJob(const std::string& name) {
  return CallByName(&Service::ResumeJob, name);
}

absl::StatusOr<v1::Job> Client::StopJob(const std::string& name) {
  return CallByName(&Service::StopJob, name);
}

absl::Status Client::DeleteJob(const std::string& name) {
  return CallByName(&Service::DeleteJob, name).status();
}

absl::StatusOr<v1::Job> Client::CancelJob(const std::string& name) {
  return CallByName(&Service::CancelJob, name);
}

absl::StatusOr<v1::JobReport> Client::GetJobReport(const std::string& name) {
  return CallByName(&Service::GetJobReport, name);
}

absl::StatusOr<v1::Candidate> Client::GetCandidate(const std::string& name) {
  return CallByName(&Service::GetCandidate, name);
}

absl::StatusOr<v1::Program> Client::GetProgram(const std::string& name) {
  return CallByName(&Service::GetProgram, name);
}

absl::StatusOr<v1::ListJobsResponse> Client::ListJobs(size_t most) {
  auto jobs =
      List(&Service::ListJobs, v1::ListJobsRequest(), &v1::ListJobsResponse::jobs_size, most);
  if (!jobs.ok() || static_cast<size_t>(jobs->jobs_size()) <= most) return jobs;
  // A page may be larger than was wished for.
  const int kept = static_cast<int>(most);
  jobs->mutable_jobs()->DeleteSubrange(kept, jobs->jobs_size() - kept);
  return jobs;
}

absl::StatusOr<v1::ListEvaluationsResponse> Client::ListEvaluations(const std::string& program) {
  v1::ListEvaluationsRequest request;
  request.set_parent(program);
  return List(&Service::ListEvaluations, std::move(request),
              &v1::ListEvaluationsResponse::evaluations_size, kAll);
}

absl::StatusOr<v1::ListWorkersResponse> Client::ListWorkers() {
  return List(&Service::ListWorkers, v1::ListWorkersRequest(),
              &v1::ListWorkersResponse::workers_size, kAll);
}

absl::StatusOr<v1::ListCandidatesResponse> Client::ListCandidates(const std::string& job,
                                                                  const std::string& page_token) {
  return PageOf(&Service::ListCandidates, job, page_token);
}

absl::StatusOr<v1::ListLogEntriesResponse> Client::ListLogEntries(const std::string& job,
                                                                  const std::string& page_token) {
  return PageOf(&Service::ListLogEntries, job, page_token);
}

template <typename Response, typename Open, typename OnResponse>
absl::Status Client::Stream(Interrupt& interrupt, const Open& open, const OnResponse& on_response) {
  if (absl::Status status = Connect(); !status.ok()) return status;
  grpc::ClientContext context;
  interrupt.SetAction([&context] { context.TryCancel(); });
  const auto stream = open(context);
  for (Response response; stream->Read(&response);) on_response(response);
  const grpc::Status status = stream->Finish();
  interrupt.SetAction(nullptr);
  if (interrupt.Happened()) return absl::CancelledError("interrupted");
  return status.ok() ? absl::OkStatus() : ErrorOf(status);
}

absl::Status Client::WatchJob(const std::string& name, std::optional<int64_t> after_revision,
                              Interrupt& interrupt,
                              const std::function<void(const v1::Job&)>& on_job) {
  v1::WatchJobRequest request;
  request.set_name(name);
  if (after_revision) request.set_after_revision(*after_revision);
  return Stream<v1::WatchJobResponse>(
      interrupt, [&](grpc::ClientContext& context) { return stub_->WatchJob(&context, request); },
      [&](const v1::WatchJobResponse& response) { on_job(response.job()); });
}

absl::Status Client::VerifyJob(const v1::VerifyJobRequest& request, Interrupt& interrupt,
                               const std::function<void(const v1::VerifyJobResponse&)>& on_answer) {
  return Stream<v1::VerifyJobResponse>(
      interrupt, [&](grpc::ClientContext& context) { return stub_->VerifyJob(&context, request); },
      on_answer);
}

}  // namespace lathe
