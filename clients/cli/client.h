// The service, as the commands use it: every call has a deadline, lists come whole, and errors say
// what to do about them.
//
//   Client client(*ParseAddress("127.0.0.1:7433"));
//   absl::StatusOr<v1::Job> job = client.GetJob("jobs/0123456789abcdef");
#ifndef LATHE_CLIENTS_CLI_CLIENT_H_
#define LATHE_CLIENTS_CLI_CLIENT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cli/interrupt.h"
#include "lathe/v1/search_service.grpc.pb.h"
#include "rpc/address.h"

namespace lathe {

// All of a list.
inline constexpr size_t kAll = ~size_t{0};

// Not thread-safe.
class Client {
 public:
  // Connects at the first call; a server that is not there is noticed within two seconds.
  explicit Client(const Address& address);

  const std::string& Target() const { return target_; }

  absl::StatusOr<v1::Job> CreateJob(const v1::CreateJobRequest& request);
  absl::StatusOr<v1::Job> GetJob(const std::string& name);
  absl::StatusOr<v1::Job> PauseJob(const std::string& name);
  absl::StatusOr<v1::Job> ResumeJob(const std::string& name);
  absl::StatusOr<v1::Job> StopJob(const std::string& name);
  absl::StatusOr<v1::Job> CancelJob(const std::string& name);
  absl::Status DeleteJob(const std::string& name);
  absl::StatusOr<v1::JobReport> GetJobReport(const std::string& name);
  absl::StatusOr<v1::Candidate> GetCandidate(const std::string& name);
  absl::StatusOr<v1::Program> GetProgram(const std::string& name);

  // The first `most`, from as many pages as it takes. Without a page token.
  absl::StatusOr<v1::ListJobsResponse> ListJobs(size_t most);
  absl::StatusOr<v1::ListEvaluationsResponse> ListEvaluations(const std::string& program);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers();
  // One page; an empty token for the first.
  absl::StatusOr<v1::ListCandidatesResponse> ListCandidates(const std::string& job,
                                                            const std::string& page_token);
  absl::StatusOr<v1::ListLogEntriesResponse> ListLogEntries(const std::string& job,
                                                            const std::string& page_token);

  // Calls `on_job` with the job as it is and as it becomes, or, after a revision that was seen,
  // with each one that follows; OK once the job has ended. Unavailable if the server goes away,
  // cancelled at an interrupt, out of range if what follows is no longer kept.
  absl::Status WatchJob(const std::string& name, std::optional<int64_t> after_revision,
                        Interrupt& interrupt, const std::function<void(const v1::Job&)>& on_job);

  // Calls `on_answer` with each answer; ends like WatchJob.
  absl::Status VerifyJob(const v1::VerifyJobRequest& request, Interrupt& interrupt,
                         const std::function<void(const v1::VerifyJobResponse&)>& on_answer);

 private:
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::SearchService::StubInterface::*)(grpc::ClientContext*,
                                                                    const Request&, Response*);

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method, const Request& request);
  template <typename Request, typename Response>
  absl::StatusOr<Response> CallByName(Method<Request, Response> method, const std::string& name);
  template <typename Request, typename Response>
  absl::StatusOr<Response> PageOf(Method<Request, Response> method, const std::string& parent,
                                  const std::string& page_token);
  template <typename Request, typename Response>
  absl::StatusOr<Response> List(Method<Request, Response> method, Request request,
                                int (Response::*size)() const, size_t most);
  // Reads a stream to its end.
  template <typename Response, typename Open, typename OnResponse>
  absl::Status Stream(Interrupt& interrupt, const Open& open, const OnResponse& on_response);
  absl::Status Connect();
  absl::Status NoServer(const std::string& reason) const;
  absl::Status ErrorOf(const grpc::Status& status) const;

  std::string target_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SearchService::Stub> stub_;
  bool connected_ = false;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_CLIENT_H_
