#include "clients/cli/job_watch.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "clients/cli/job_text.h"
#include "clients/cli/message_json.h"
#include "clients/report/job_progress.h"
#include "clients/report/report.h"

namespace lathe {
namespace {

constexpr int kMostRetries = 30;  // a second apart

// What has been seen of a job.
class Watched {
 public:
  explicit Watched(bool json) : json_(json) {}

  bool Ended() const { return HasEnded(job_.state()); }
  bool Seen() const { return !job_.name().empty(); }
  const v1::Job& Last() const { return job_; }

  void Show(const v1::Job& job) {
    const bool new_state = !Seen() || job.state() != job_.state();
    job_ = job;
    if (json_) return PrintLine(MessageJson(job));
    const std::string phase = OneLine(job.progress().phase());
    if (Ended() || phase.empty()) {
      if (job.state() == v1::Job::SUCCEEDED && !phase.empty()) line_.Finish(Progress(), Seconds());
      if (!Ended() && new_state) Say(StateText(job.state()));
    } else if (new_state || line_.Due(phase)) {
      const std::string& waits = job.waiting_for();
      line_.Show(Progress(), Seconds(), waits.empty() ? "" : OneLine("waits: " + waits));
    }
  }

  // About the watching itself.
  void Say(const std::string& text) {
    line_.Leave();
    if (json_) return;
    std::fprintf(stderr, "%s: %s\n", OneLine(job_.name()).c_str(), text.c_str());
  }

  void Leave() { line_.Leave(); }

 private:
  v1::JobProgress Progress() const {
    v1::JobProgress progress = job_.progress();
    progress.set_phase(OneLine(progress.phase()));
    return progress;
  }
  double Seconds() const { return RunningSeconds(job_); }

  const bool json_;
  v1::Job job_;
  JobProgressLine line_;
};

absl::Status Interrupted(const std::string& name) {
  return absl::CancelledError(absl::StrCat(name, " goes on; see it again with lathe watch ", name,
                                           ", end it with lathe cancel ", name));
}

// OK once the job has ended.
absl::Status Follow(Client& client, const std::string& name, Interrupt& interrupt,
                    Watched& watched) {
  for (int retries = 0;;) {
    std::optional<int64_t> seen;
    if (watched.Seen()) seen = watched.Last().revision();
    const auto show = [&](const v1::Job& job) {
      watched.Show(job);
      retries = 0;
    };
    absl::Status status = client.WatchJob(name, seen, interrupt, show);
    // It was away for longer than revisions are kept.
    if (status.code() == absl::StatusCode::kOutOfRange) {
      status = client.WatchJob(name, std::nullopt, interrupt, show);
    }
    if (interrupt.Happened()) return Interrupted(name);
    if (watched.Ended()) return absl::OkStatus();
    const bool gone = status.ok() || status.code() == absl::StatusCode::kUnavailable;
    if (!gone || !watched.Seen() || retries == kMostRetries) return status;
    if (retries++ == 0) watched.Say("the server has gone; waiting for it to come back");
    if (interrupt.WaitFor(1)) return Interrupted(name);
  }
}

}  // namespace

absl::Status WatchToEnd(Client& client, const std::string& name, bool json, Interrupt& interrupt) {
  Watched watched(json);
  const absl::Status status = Follow(client, name, interrupt, watched);
  watched.Leave();
  if (!status.ok()) return status;
  const v1::Job& job = watched.Last();
  if (job.state() != v1::Job::SUCCEEDED) {
    return absl::AbortedError(absl::StrCat(
        name, job.state() == v1::Job::FAILED ? " has " : " was ", StateText(job.state()),
        job.state_reason().empty() ? "" : ": ", job.state_reason()));
  }
  if (json) return absl::OkStatus();
  const absl::StatusOr<v1::JobReport> report = client.GetJobReport(name);
  if (!report.ok()) return report.status();
  std::fputs(PlainLines(ReportText(*report)).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace lathe
