#include "clients/run/service_processes.h"

#include <signal.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

using std::chrono::milliseconds;

// How long workers may finish what they evaluate, and how long whatever is left may take.
constexpr milliseconds kDrainTime(3000), kHurryTime(1000), kServerTime(5000);

LoggedCommand ServerCommand(const ServiceOptions& options) {
  return {options.programs + "/lathe-server",
          {"--listen", "unix:" + options.socket, "--store", options.store, "--metrics",
           options.metrics, "--abandon-unfinished", "--no-sync"},
          options.directory + "/server.log"};
}

WorkerGroupOptions WorkersOf(const ServiceOptions& options) {
  std::vector<std::string> arguments = {"--server", "unix:" + options.socket, "--batch",
                                        std::to_string(options.batch)};
  if (!options.data.empty()) arguments.insert(arguments.end(), {"--data", options.data});
  if (!options.evaluator.empty()) {
    arguments.insert(arguments.end(), {"--evaluator", options.evaluator});
  }
  return {.program = options.programs + "/lathe-worker",
          .arguments = std::move(arguments),
          .log_folder = options.directory,
          .workers = options.workers};
}

}  // namespace

ServiceProcesses::ServiceProcesses(const ServiceOptions& options, WorkerGroup::Say say)
    : server_(ServerCommand(options)), workers_(WorkersOf(options), std::move(say)) {}

absl::Status ServiceProcesses::Start() {
  return server_.Start();
}

absl::Status ServiceProcesses::Update(uint64_t completed) {
  if (stage_ != Stage::kRunning) {
    GoOnStopping();
    return absl::OkStatus();
  }
  if (absl::Status status = server_.Update(); !status.ok()) return status;
  return workers_wanted_ ? workers_.Update(completed) : absl::OkStatus();
}

std::optional<ServiceProcesses::Clock::time_point> ServiceProcesses::WakeAt() const {
  if (stage_ != Stage::kRunning) return patience_ends_;
  return workers_wanted_ ? workers_.WakeAt() : std::nullopt;
}

void ServiceProcesses::Stop() {
  if (stage_ != Stage::kRunning) return;
  EnterStage(Stage::kDraining, kDrainTime);
  workers_.Signal(SIGTERM);
  GoOnStopping();
}

void ServiceProcesses::GoOnStopping() {
  const bool late = Clock::now() >= patience_ends_;
  if (stage_ == Stage::kServer) {
    if (late) server_.Kill();
  } else if (!workers_.Running()) {
    EnterStage(Stage::kServer, kServerTime);
    server_.Signal(SIGTERM);
  } else if (late && stage_ == Stage::kDraining) {
    EnterStage(Stage::kHurrying, kHurryTime);
    workers_.Signal(SIGTERM);  // a second time: now
  } else if (late) {
    workers_.Kill();
    GoOnStopping();
  }
}

void ServiceProcesses::EnterStage(Stage stage, milliseconds patience) {
  stage_ = stage;
  patience_ends_ = Clock::now() + patience;
}

void ServiceProcesses::Kill() {
  EnterStage(Stage::kServer, milliseconds(0));
  workers_.Kill();
  server_.Kill();
}

}  // namespace lathe
