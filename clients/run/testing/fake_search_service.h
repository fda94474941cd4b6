// A SearchService that does what a test has written down, on a socket of its own.
#ifndef LATHE_CLIENTS_RUN_TESTING_FAKE_SEARCH_SERVICE_H_
#define LATHE_CLIENTS_RUN_TESTING_FAKE_SEARCH_SERVICE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "lathe/v1/search_service.grpc.pb.h"
#include "rpc/channel.h"

namespace lathe {

// Each call takes the next answer from its queue; an empty queue holds calls back until they are
// cancelled. Answers are given before the first call.
class FakeSearchService : public v1::SearchService::Service {
 public:
  // What a watch tells, and how its stream ends.
  using Watch = std::pair<std::vector<v1::Job>, grpc::Status>;

  FakeSearchService() {
    std::string pattern = testing::TempDir() + "/search-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + folder_ + "/socket", grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeSearchService() override {
    server_->Shutdown(std::chrono::system_clock::now());
    std::filesystem::remove_all(folder_);
  }

  std::shared_ptr<grpc::Channel> Channel() {
    return OpenChannel({Address::Kind::kUnix, folder_ + "/socket", "", 0});
  }

  std::deque<grpc::Status> created;  // of jobs/1
  std::deque<Watch> watches;
  std::deque<std::pair<v1::JobReport, grpc::Status>> reports;

  // What was asked so far, a word each.
  std::vector<std::string> Asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::vector<v1::CreateJobRequest> Requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  grpc::Status CreateJob(grpc::ServerContext* context, const v1::CreateJobRequest* request,
                         v1::Job* job) override {
    grpc::Status status;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
    }
    if (!Next("create", created, &status)) return Hold(context);
    job->set_name("jobs/1");
    *job->mutable_spec() = request->spec();
    job->mutable_spec()->set_window(32);
    return status;
  }

  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest*,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override {
    Watch watch;
    if (!Next("watch", watches, &watch)) return Hold(context);
    for (const v1::Job& job : watch.first) {
      v1::WatchJobResponse response;
      *response.mutable_job() = job;
      writer->Write(response);
    }
    return watch.second;
  }

  grpc::Status GetJobReport(grpc::ServerContext* context, const v1::GetJobReportRequest*,
                            v1::JobReport* report) override {
    std::pair<v1::JobReport, grpc::Status> answer;
    if (!Next("report", reports, &answer)) return Hold(context);
    *report = answer.first;
    return answer.second;
  }

  grpc::Status CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                         v1::Job*) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back("cancel " + request->name());
    return grpc::Status::OK;
  }

 private:
  template <typename Answer>
  bool Next(const std::string& word, std::deque<Answer>& answers, Answer* answer) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(word);
    if (answers.empty()) return false;
    *answer = std::move(answers.front());
    answers.pop_front();
    return true;
  }

  static grpc::Status Hold(grpc::ServerContext* context) {
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return grpc::Status::CANCELLED;
  }

  std::string folder_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::vector<v1::CreateJobRequest> requests_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_TESTING_FAKE_SEARCH_SERVICE_H_
