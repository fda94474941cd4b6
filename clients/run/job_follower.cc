#include "clients/run/job_follower.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/status.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr seconds kCallTime(30), kCancelTime(2);
constexpr milliseconds kFirstWait(20);

// Unlike any other, so that a repeated request is known.
std::string NewRequestId() {
  std::random_device random;
  std::string id = "run";
  for (int i = 0; i < 4; ++i) absl::StrAppend(&id, "-", absl::Hex(random(), absl::kZeroPad8));
  return id;
}

bool WillPass(grpc::StatusCode code) {
  return code == grpc::UNAVAILABLE || code == grpc::DEADLINE_EXCEEDED;
}

// Whether a watch that ended like that would end like that again.
bool EndsWatch(grpc::StatusCode code) {
  return code == grpc::NOT_FOUND || code == grpc::INVALID_ARGUMENT || code == grpc::UNIMPLEMENTED ||
         code == grpc::PERMISSION_DENIED || code == grpc::UNAUTHENTICATED;
}

bool HasEnded(const v1::Job& job) {
  return job.state() == v1::Job::SUCCEEDED || job.state() == v1::Job::FAILED ||
         job.state() == v1::Job::CANCELLED;
}

absl::Status EndOf(const v1::Job& job) {
  const std::string reason = job.state_reason().empty() ? "" : ": " + job.state_reason();
  if (job.state() == v1::Job::CANCELLED) {
    return absl::CancelledError("the job was cancelled" + reason);
  }
  if (job.state() == v1::Job::FAILED) return absl::AbortedError("the job has failed" + reason);
  return absl::OkStatus();
}

}  // namespace

JobFollower::JobFollower(std::shared_ptr<grpc::Channel> channel, v1::JobSpec spec)
    : stub_(v1::SearchService::NewStub(channel)),
      event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_([this, job = std::move(spec)]() mutable { Run(std::move(job)); }) {}

JobFollower::~JobFollower() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (context_) context_->TryCancel();
  }
  wanted_less_.notify_all();
  thread_.join();
  close(event_);
}

JobFollower::News JobFollower::Take() {
  const std::lock_guard lock(mutex_);
  uint64_t count = 0;
  // Fails where nothing is new.
  [[maybe_unused]] const ssize_t bytes = read(event_, &count, sizeof count);
  return std::exchange(news_, {});
}

void JobFollower::Cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (context_) context_->TryCancel();
  }
  wanted_less_.notify_all();
}

void JobFollower::Run(v1::JobSpec spec) {
  absl::StatusOr<v1::JobReport> end = Follow(std::move(spec));
  const std::lock_guard lock(mutex_);
  news_.end = std::move(end);
  eventfd_write(event_, 1);
}

absl::StatusOr<v1::JobReport> JobFollower::Follow(v1::JobSpec spec) {
  const absl::StatusOr<v1::Job> job = Create(std::move(spec));
  if (!job.ok()) return job.status();
  const absl::StatusOr<v1::Job> last = WatchToEnd(job->name());
  if (Cancelled()) {
    CancelAtServer(job->name());
    return absl::CancelledError("the job was cancelled");
  }
  if (!last.ok()) return last.status();
  if (absl::Status status = EndOf(*last); !status.ok()) return status;
  v1::GetJobReportRequest request;
  request.set_name(job->name());
  v1::JobReport report;
  absl::Status status = Repeat([&](grpc::ClientContext& context) {
    return stub_->GetJobReport(&context, request, &report);
  });
  if (!status.ok()) return status;
  return report;
}

absl::StatusOr<v1::Job> JobFollower::Create(v1::JobSpec spec) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = std::move(spec);
  request.set_request_id(NewRequestId());
  v1::Job job;
  absl::Status status = Repeat(
      [&](grpc::ClientContext& context) { return stub_->CreateJob(&context, request, &job); });
  if (!status.ok()) return status;
  Post(&News::created, job);
  return job;
}

absl::StatusOr<v1::Job> JobFollower::WatchToEnd(const std::string& name) {
  v1::Job last;
  int attempt = 0;
  while (true) {
    const int64_t revision = last.revision();
    if (absl::Status status = WatchOnce(name, &last); !status.ok()) return status;
    if (HasEnded(last)) return last;
    attempt = last.revision() > revision ? 0 : attempt + 1;
    if (!Again(attempt)) return absl::CancelledError("the watch has ended");
  }
}

absl::Status JobFollower::WatchOnce(const std::string& name, v1::Job* last) {
  v1::WatchJobRequest request;
  request.set_name(name);
  if (last->revision() > 0 && !lost_) request.set_after_revision(last->revision());
  const auto stream = stub_->WatchJob(&NewContext(), request);
  for (v1::WatchJobResponse response; stream->Read(&response);) {
    // A watch from the job as it is may start with what is known already.
    if (response.job().revision() <= last->revision()) continue;
    *last = response.job();
    Post(&News::job, *last);
  }
  const grpc::Status status = stream->Finish();
  // What follows is no longer kept: from what the job is then.
  lost_ = status.error_code() == grpc::OUT_OF_RANGE;
  return EndsWatch(status.error_code()) ? FromGrpc(status) : absl::OkStatus();
}

void JobFollower::CancelAtServer(const std::string& name) {
  v1::CancelJobRequest request;
  request.set_name(name);
  v1::Job job;
  grpc::ClientContext& context = NewContext(/*even_if_cancelled=*/true);
  context.set_deadline(system_clock::now() + kCancelTime);
  // If this fails, the job has ended already, or the server goes away with it.
  static_cast<void>(stub_->CancelJob(&context, request, &job));
}

template <typename Call>
absl::Status JobFollower::Repeat(Call call) {
  for (int attempt = 0;; ++attempt) {
    grpc::ClientContext& context = NewContext();
    context.set_deadline(system_clock::now() + kCallTime);
    const grpc::Status status = call(context);
    if (status.ok() || !WillPass(status.error_code()) || !Again(attempt)) return FromGrpc(status);
  }
}

bool JobFollower::Again(int attempt) {
  std::unique_lock lock(mutex_);
  const auto unwanted = [this] { return cancelled_ || closing_; };
  return !wanted_less_.wait_for(lock, kFirstWait * (1 << std::min(attempt, 5)), unwanted);
}

grpc::ClientContext& JobFollower::NewContext(bool even_if_cancelled) {
  const std::lock_guard lock(mutex_);
  context_ = std::make_unique<grpc::ClientContext>();
  // A channel connects again while a call waits on it, and not between calls that fail at once.
  context_->set_wait_for_ready(true);
  if (closing_ || (cancelled_ && !even_if_cancelled)) context_->TryCancel();
  return *context_;
}

bool JobFollower::Cancelled() {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void JobFollower::Post(std::optional<v1::Job> News::*field, const v1::Job& job) {
  const std::lock_guard lock(mutex_);
  news_.*field = job;
  eventfd_write(event_, 1);
}

}  // namespace lathe
