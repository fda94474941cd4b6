// One job at a server, from its spec to its report, followed on a thread of its own.
#ifndef LATHE_CLIENTS_RUN_JOB_FOLLOWER_H_
#define LATHE_CLIENTS_RUN_JOB_FOLLOWER_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "lathe/v1/search_service.grpc.pb.h"

namespace lathe {

// Thread-safe. Destruction ends it at once and leaves the job as it is.
class JobFollower {
 public:
  // What is not new is absent.
  struct News {
    // The job as it was created, with its spec.
    std::optional<v1::Job> created;
    // The job as it is now.
    std::optional<v1::Job> job;
    // How it ended: the report of a job that has succeeded. Invalid argument: the server does not
    // take the spec. Cancelled or aborted: the job was cancelled or has failed.
    std::optional<absl::StatusOr<v1::JobReport>> end;
  };

  // Creates the job. Calls that the server does not answer are repeated until it does.
  JobFollower(std::shared_ptr<grpc::Channel> channel, v1::JobSpec spec);
  JobFollower(const JobFollower&) = delete;
  JobFollower& operator=(const JobFollower&) = delete;
  ~JobFollower();

  // Readable while there is news.
  int Descriptor() const { return event_; }
  // What is new since the last call; does not wait.
  News Take();

  // Cancels the job. The end comes soon, whether or not the server answers.
  void Cancel();

 private:
  void Run(v1::JobSpec spec);
  absl::StatusOr<v1::JobReport> Follow(v1::JobSpec spec);
  absl::StatusOr<v1::Job> Create(v1::JobSpec spec);
  // The job as it has ended.
  absl::StatusOr<v1::Job> WatchToEnd(const std::string& name);
  // Until the stream ends.
  absl::Status WatchOnce(const std::string& name, v1::Job* last);
  void CancelAtServer(const std::string& name);

  // Repeats the call until it is answered or not wanted any more.
  template <typename Call>
  absl::Status Repeat(Call call);
  // Whether to try again, after a moment.
  bool Again(int attempt);
  // Of the next call; Cancel and destruction end it.
  grpc::ClientContext& NewContext(bool even_if_cancelled = false);
  bool Cancelled();
  void Post(std::optional<v1::Job> News::*field, const v1::Job& job);

  const std::unique_ptr<v1::SearchService::Stub> stub_;
  const int event_;

  std::mutex mutex_;
  std::condition_variable wanted_less_;  // cancelled or closing
  bool cancelled_ = false, closing_ = false;
  std::unique_ptr<grpc::ClientContext> context_;  // of the latest call
  bool lost_ = false;  // whether revisions after the last one are no longer kept
  News news_;
  std::thread thread_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_JOB_FOLLOWER_H_
