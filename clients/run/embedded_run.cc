#include "clients/run/embedded_run.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "clients/report/job_progress.h"
#include "clients/run/job_follower.h"
#include "clients/run/private_directory.h"
#include "clients/run/service_processes.h"
#include "clients/run/signal_descriptor.h"
#include "process/child_process.h"
#include "rpc/channel.h"

namespace lathe {
namespace {

using Clock = ServiceProcesses::Clock;
using std::chrono::milliseconds;

constexpr milliseconds kRedraw(500);

double Seconds(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + 1e-9 * time.nanos();
}

// How long the job had been running when it was last seen.
double SecondsRunning(const v1::Job& job) {
  if (!job.has_start_time() || !job.progress().has_update_time()) return 0;
  return std::max(0.0, Seconds(job.progress().update_time()) - Seconds(job.start_time()));
}

// Before it has one, a job is about to search.
v1::JobProgress ProgressOf(const v1::Job& job) {
  v1::JobProgress progress = job.progress();
  if (progress.phase().empty()) progress.set_phase("search");
  return progress;
}

class EmbeddedRun {
 public:
  EmbeddedRun(const v1::JobSpec& spec, const EmbeddedRunOptions& options,
              const PrivateDirectory& directory, const SaveReport& save)
      : spec_(spec),
        options_(options),
        save_(save),
        socket_(directory.SocketPath()),
        signals_({SIGINT, SIGTERM, SIGHUP, SIGCHLD}),
        service_(ServiceOf(options, directory), [this](const std::string& text) { Say(text); }) {}

  EmbeddedRunEnd Run() {
    if (absl::Status status = service_.Start(); !status.ok()) return {status};
    while (!service_.Stopped()) {
      Wait();
      HandleSignals();
      UpdateService();
      HandleNews();
      ShowProgress();
    }
    line_.Leave();
    return {end_.value_or(absl::CancelledError("the run was killed")), signal_};
  }

 private:
  static ServiceOptions ServiceOf(const EmbeddedRunOptions& options,
                                  const PrivateDirectory& directory) {
    return {.programs = options.programs,
            .directory = directory.Path(),
            .socket = directory.SocketPath(),
            .store = options.store.empty() ? directory.Path() + "/store" : options.store,
            .metrics = options.metrics,
            .workers = options.workers,
            .batch = options.batch,
            .data = options.data,
            .evaluator = options.evaluator};
  }

  void Say(const std::string& text) {
    line_.Leave();
    std::fprintf(stderr, "lathe: %s\n", text.c_str());
  }

  // Until something happens or is due.
  void Wait() {
    pollfd descriptors[] = {{signals_.Descriptor(), POLLIN, 0},
                            {service_.Descriptor(), POLLIN, 0},
                            {follower_ ? follower_->Descriptor() : -1, POLLIN, 0}};
    milliseconds timeout = kRedraw;
    if (const auto wake = service_.WakeAt()) {
      const auto wait = std::chrono::ceil<milliseconds>(*wake - Clock::now());
      timeout = std::clamp(wait, milliseconds(0), timeout);
    }
    poll(descriptors, std::size(descriptors), static_cast<int>(timeout.count()));
  }

  void HandleSignals() {
    while (const std::optional<int> signal = signals_.Next()) {
      if (*signal == SIGCHLD) continue;
      if (signal_ != 0 || end_) {
        service_.Kill();
      } else {
        Interrupt(*signal);
      }
    }
  }

  void Interrupt(int signal) {
    signal_ = signal;
    Say("cancelling the job; a second signal ends everything at once");
    if (follower_) {
      follower_->Cancel();
    } else {
      End(absl::CancelledError("the run was cancelled"));
    }
  }

  void HandleNews() {
    if (!follower_ && !end_ && service_.Serving()) StartJob();
    if (!follower_) return;
    const JobFollower::News news = follower_->Take();
    if (news.created) {
      created_ = *news.created;
      WarnOfIdleWorkers();
      service_.StartWorkers();
    }
    if (news.job) job_ = *news.job;
    if (news.end && !end_) TakeEnd(*news.end);
  }

  void StartJob() {
    if (options_.metrics != "off" && options_.show_progress) {
      Say(std::string(absl::StripPrefix(service_.Announcement(), "lathe-server: ")));
    }
    follower_.emplace(OpenChannel({Address::Kind::kUnix, socket_, "", 0}), spec_);
  }

  void WarnOfIdleWorkers() {
    const int64_t places = int64_t{options_.workers} * options_.batch;
    const uint32_t window = created_.spec().window();
    if (window == 0 || places <= window) return;
    Say(absl::StrCat("warning: ", options_.workers, " workers x batch ", options_.batch, " = ",
                     places, ", but the job's window lets only ", window,
                     " candidates be evaluated at a time"));
  }

  void TakeEnd(const absl::StatusOr<v1::JobReport>& report) {
    follower_.reset();  // a server that stops waits for the connections that are open
    if (report.ok() && options_.show_progress && job_) {
      line_.Finish(ProgressOf(*job_), SecondsRunning(*job_));
    }
    End(report.ok() ? save_(created_.name(), *report) : report.status());
  }

  void End(const absl::Status& status) {
    end_ = status;
    service_.Stop();
  }

  void UpdateService() {
    const uint64_t completed = job_ ? job_->progress().evaluations().run() : 0;
    const absl::Status status = service_.Update(completed);
    if (status.ok()) return;
    if (!end_) end_ = status;
    service_.Kill();
  }

  void ShowProgress() {
    if (!options_.show_progress || !job_ || end_ || signal_ != 0) return;
    const v1::JobProgress progress = ProgressOf(*job_);
    if (!line_.Due(progress.phase())) return;
    const std::string& reason = job_->waiting_for();
    line_.Show(progress, SecondsRunning(*job_), reason.empty() ? "" : "waiting: " + reason);
  }

  const v1::JobSpec& spec_;
  const EmbeddedRunOptions& options_;
  const SaveReport& save_;
  const std::string socket_;
  SignalDescriptor signals_;  // before there are threads
  JobProgressLine line_;
  ServiceProcesses service_;
  std::optional<JobFollower> follower_;
  v1::Job created_;
  std::optional<v1::Job> job_;
  int signal_ = 0;
  std::optional<absl::Status> end_;
};

}  // namespace

EmbeddedRunEnd RunEmbedded(const v1::JobSpec& spec, const EmbeddedRunOptions& options,
                           const SaveReport& save) {
  signal(SIGPIPE, SIG_IGN);  // a terminal that is gone is no reason to leave children behind
  AdoptOrphans();
  const auto directory = PrivateDirectory::Create(TemporaryFolders());
  if (!directory.ok()) return {directory.status()};
  return EmbeddedRun(spec, options, *directory, save).Run();
}

}  // namespace lathe
