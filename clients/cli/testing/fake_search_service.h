// A SearchService that answers from what a test has put into it.
#ifndef LATHE_CLIENTS_CLI_TESTING_FAKE_SEARCH_SERVICE_H_
#define LATHE_CLIENTS_CLI_TESTING_FAKE_SEARCH_SERVICE_H_

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lathe/v1/search_service.grpc.pb.h"
#include "rpc/status.h"

namespace lathe {

// Set the fields before the first call. Thread-safe from then on.
class FakeSearchService : public v1::SearchService::Service {
 public:
  std::vector<v1::Job> jobs;  // the most recent first
  std::map<std::string, v1::JobReport> reports;
  std::map<std::string, v1::Candidate> candidates;
  std::map<std::string, v1::Program> programs;
  std::vector<v1::Evaluation> evaluations;
  std::vector<v1::Worker> workers;
  std::vector<v1::VerifyJobResponse> verified;
  std::vector<v1::LogEntry> entries;
  int most_per_page = 1000;
  bool full_pages = false;  // whatever the request wishes for
  absl::Status create_error;
  // What WatchJob does, by the number of the call.
  std::function<grpc::Status(int call, grpc::ServerContext*,
                             grpc::ServerWriter<v1::WatchJobResponse>*)>
      watch;
  std::function<void(int call, v1::Job*)> on_get_job;

  // Waits until a method has been called so often.
  void WaitForCalls(const std::string& method, int count) {
    std::unique_lock lock(mutex_);
    called_.wait(lock, [&] { return calls_[method] >= count; });
  }
  int Calls(const std::string& method) {
    std::lock_guard lock(mutex_);
    return calls_[method];
  }
  // After which revision each watch was asked for; -1: from the job as it is.
  std::vector<int64_t> WatchedAfter() {
    std::lock_guard lock(mutex_);
    return watched_after_;
  }
  v1::CreateJobRequest Created() {
    std::lock_guard lock(mutex_);
    return created_;
  }

  grpc::Status CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                         v1::Job* job) override {
    Count("CreateJob");
    std::lock_guard lock(mutex_);
    created_ = *request;
    if (!create_error.ok()) return ToGrpc(create_error);
    job->set_name("jobs/00000000000000aa");
    job->set_display_name(request->spec().name());
    job->set_state(v1::Job::QUEUED);
    return grpc::Status::OK;
  }

  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                      v1::Job* job) override {
    const int call = Count("GetJob");
    const grpc::Status status = FindJob(request->name(), job);
    if (status.ok() && on_get_job) on_get_job(call, job);
    return status;
  }

  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    Count("ListJobs");
    return Page(jobs, *request, response, [&] { return response->add_jobs(); });
  }

  grpc::Status CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                         v1::Job* job) override {
    Count("CancelJob");
    const grpc::Status status = FindJob(request->name(), job);
    if (!status.ok()) return status;
    if (job->state() == v1::Job::SUCCEEDED) {
      return ToGrpc(WithReason(absl::FailedPreconditionError(job->name() + " has ended"), "ENDED"));
    }
    job->set_state(v1::Job::CANCELLED);
    return status;
  }

  grpc::Status PauseJob(grpc::ServerContext*, const v1::PauseJobRequest* request,
                        v1::Job* job) override {
    job->set_state(v1::Job::PAUSED);
    return Change("PauseJob", request->name(), job);
  }
  grpc::Status ResumeJob(grpc::ServerContext*, const v1::ResumeJobRequest* request,
                         v1::Job* job) override {
    job->set_state(v1::Job::QUEUED);
    return Change("ResumeJob", request->name(), job);
  }
  grpc::Status StopJob(grpc::ServerContext*, const v1::StopJobRequest* request,
                       v1::Job* job) override {
    job->set_state(v1::Job::RUNNING);
    return Change("StopJob", request->name(), job);
  }
  grpc::Status DeleteJob(grpc::ServerContext*, const v1::DeleteJobRequest* request,
                         v1::DeleteJobResponse*) override {
    v1::Job job;
    return Change("DeleteJob", request->name(), &job);
  }

  grpc::Status VerifyJob(grpc::ServerContext*, const v1::VerifyJobRequest* request,
                         grpc::ServerWriter<v1::VerifyJobResponse>* writer) override {
    Count("VerifyJob");
    v1::Job job;
    const grpc::Status status = FindJob(request->name(), &job);
    if (!status.ok()) return status;
    for (v1::VerifyJobResponse response : verified) {
      response.set_sample(request->sample());
      writer->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override {
    {
      std::lock_guard lock(mutex_);
      watched_after_.push_back(request->has_after_revision() ? request->after_revision() : -1);
    }
    return watch(Count("WatchJob"), context, writer);
  }

  grpc::Status GetJobReport(grpc::ServerContext*, const v1::GetJobReportRequest* request,
                            v1::JobReport* report) override {
    return Find(reports, request->name(), report);
  }

  grpc::Status GetCandidate(grpc::ServerContext*, const v1::GetCandidateRequest* request,
                            v1::Candidate* candidate) override {
    return Find(candidates, request->name(), candidate);
  }

  // Those of one job.
  grpc::Status ListCandidates(grpc::ServerContext*, const v1::ListCandidatesRequest* request,
                              v1::ListCandidatesResponse* response) override {
    Count("ListCandidates");
    std::vector<v1::Candidate> of_job;
    for (const auto& [name, candidate] : candidates) {
      if (name.starts_with(request->parent() + "/")) of_job.push_back(candidate);
    }
    return Page(of_job, *request, response, [&] { return response->add_candidates(); });
  }

  grpc::Status GetProgram(grpc::ServerContext*, const v1::GetProgramRequest* request,
                          v1::Program* program) override {
    return Find(programs, request->name(), program);
  }

  grpc::Status ListEvaluations(grpc::ServerContext*, const v1::ListEvaluationsRequest* request,
                               v1::ListEvaluationsResponse* response) override {
    Count("ListEvaluations");
    return Page(evaluations, *request, response, [&] { return response->add_evaluations(); });
  }

  grpc::Status ListLogEntries(grpc::ServerContext*, const v1::ListLogEntriesRequest* request,
                              v1::ListLogEntriesResponse* response) override {
    Count("ListLogEntries");
    std::lock_guard lock(mutex_);
    return Page(entries, *request, response, [&] { return response->add_entries(); });
  }

  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override {
    Count("ListWorkers");
    return Page(workers, *request, response, [&] { return response->add_workers(); });
  }

  // While calls go on.
  void AddEntry(const v1::LogEntry& entry) {
    std::lock_guard lock(mutex_);
    entries.push_back(entry);
  }

 private:
  int Count(const std::string& method) {
    std::lock_guard lock(mutex_);
    called_.notify_all();
    return ++calls_[method];
  }

  // The job with the state that is set.
  grpc::Status Change(const std::string& method, const std::string& name, v1::Job* job) {
    Count(method);
    const v1::Job::State state = job->state();
    const grpc::Status status = FindJob(name, job);
    job->set_state(state);
    return status;
  }

  static grpc::Status NotFound(const std::string& name) {
    return ToGrpc(WithReason(absl::NotFoundError("there is no " + name), "NOT_FOUND"));
  }

  grpc::Status FindJob(const std::string& name, v1::Job* found) {
    for (const v1::Job& job : jobs) {
      if (job.name() != name) continue;
      *found = job;
      return grpc::Status::OK;
    }
    return NotFound(name);
  }

  template <typename Message>
  static grpc::Status Find(const std::map<std::string, Message>& messages, const std::string& name,
                           Message* found) {
    const auto entry = messages.find(name);
    if (entry == messages.end()) return NotFound(name);
    *found = entry->second;
    return grpc::Status::OK;
  }

  // Tokens are the index of the first item.
  template <typename Item, typename Request, typename Response, typename Add>
  grpc::Status Page(const std::vector<Item>& items, const Request& request, Response* response,
                    Add add) {
    size_t i = request.page_token().empty() ? 0 : std::stoul(request.page_token());
    const int wish = request.page_size() == 0 ? 50 : request.page_size();
    const int most = full_pages ? most_per_page : std::min(wish, most_per_page);
    for (int count = 0; i < items.size() && count < most; ++i, ++count) *add() = items[i];
    if (i < items.size()) response->set_next_page_token(std::to_string(i));
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  std::condition_variable called_;
  std::map<std::string, int> calls_;
  v1::CreateJobRequest created_;
  std::vector<int64_t> watched_after_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_TESTING_FAKE_SEARCH_SERVICE_H_
