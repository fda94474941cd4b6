// SearchService over gRPC; see search_service.proto.
#ifndef LATHE_SERVER_SEARCH_SERVICE_H_
#define LATHE_SERVER_SEARCH_SERVICE_H_

#include <atomic>

#include "lathe/v1/search_service.grpc.pb.h"
#include "server/job_board.h"

namespace lathe {

class SearchServiceImpl : public v1::SearchService::Service {
 public:
  // All outlive the service.
  SearchServiceImpl(Store& store, JobBoard& board, EvaluationDesk& desk, Metrics& metrics)
      : store_(store), board_(board), desk_(desk), metrics_(metrics) {}

  // Ends the watches that are under way.
  void Stop() { stopping_ = true; }

  grpc::Status CreateJob(grpc::ServerContext* context, const v1::CreateJobRequest* request,
                         v1::Job* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::Job* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status PauseJob(grpc::ServerContext* context, const v1::PauseJobRequest* request,
                        v1::Job* response) override;
  grpc::Status ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                         v1::Job* response) override;
  grpc::Status StopJob(grpc::ServerContext* context, const v1::StopJobRequest* request,
                       v1::Job* response) override;
  grpc::Status DeleteJob(grpc::ServerContext* context, const v1::DeleteJobRequest* request,
                         v1::DeleteJobResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::Job* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override;
  grpc::Status VerifyJob(grpc::ServerContext* context, const v1::VerifyJobRequest* request,
                         grpc::ServerWriter<v1::VerifyJobResponse>* writer) override;
  grpc::Status GetJobReport(grpc::ServerContext* context, const v1::GetJobReportRequest* request,
                            v1::JobReport* response) override;
  grpc::Status ListCandidates(grpc::ServerContext* context,
                              const v1::ListCandidatesRequest* request,
                              v1::ListCandidatesResponse* response) override;
  grpc::Status GetCandidate(grpc::ServerContext* context, const v1::GetCandidateRequest* request,
                            v1::Candidate* response) override;
  grpc::Status GetProgram(grpc::ServerContext* context, const v1::GetProgramRequest* request,
                          v1::Program* response) override;
  grpc::Status ListEvaluations(grpc::ServerContext* context,
                               const v1::ListEvaluationsRequest* request,
                               v1::ListEvaluationsResponse* response) override;
  grpc::Status ListLogEntries(grpc::ServerContext* context,
                              const v1::ListLogEntriesRequest* request,
                              v1::ListLogEntriesResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;

 private:
  grpc::Status ChangeJob(const std::string& name,
                         absl::StatusOr<v1::Job> (JobBoard::*change)(JobId), v1::Job* response);

  Store& store_;
  JobBoard& board_;
  EvaluationDesk& desk_;
  Metrics& metrics_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> watchers_{0};
};

}  // namespace lathe

#endif  // LATHE_SERVER_SEARCH_SERVICE_H_
