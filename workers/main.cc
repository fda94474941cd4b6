// lathe-worker: evaluates for a lathe-server, in an evaluator process of its own.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "evaluators/datasets/load_dataset.h"
#include "process/child_process.h"
#include "rpc/address.h"
#include "rpc/channel.h"
#include "workers/child_batch_runner.h"
#include "workers/journal.h"
#include "workers/signal_watch.h"
#include "workers/worker.h"

namespace lathe {
namespace {

constexpr int kFailure = 1, kUsage = 2;
// Of what the server takes.
constexpr int kMaxBatch = 4096;
constexpr size_t kMaxNameBytes = 128;
constexpr int kMaxThreads = 1024;

struct Flags {
  std::string server{kDefaultAddress};
  int batch = 16, threads = 1;
  std::string data_directory, evaluator = "lathe-evaluator", name, journal;
};

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "lathe-worker: %s\n", std::string(status.message()).c_str());
  return code;
}

std::filesystem::path ProgramDirectory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

std::string DefaultName() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  const std::string suffix = absl::StrCat(":", getpid());
  return std::string(host).substr(0, kMaxNameBytes - suffix.size()) + suffix;
}

// The first signal drains, the second one ends the worker at once.
void OnSignal(int count, Worker& worker) {
  if (count == 1) {
    spdlog::info("draining: finishes what runs; another signal ends it at once");
    worker.Drain();
  } else {
    worker.Stop();
  }
}

// A name without a folder is that of a program beside this one.
std::string EvaluatorPath(const std::string& evaluator) {
  if (evaluator.find('/') != std::string::npos) return evaluator;
  return ProgramDirectory() / evaluator;
}

int Run(const Flags& flags) {
  absl::StatusOr<Address> address = ParseAddress(flags.server);
  if (!address.ok()) return Fail(kUsage, address.status());
  std::unique_ptr<Journal> journal;
  if (!flags.journal.empty()) {
    auto opened = Journal::Open(flags.journal);
    if (!opened.ok()) return Fail(kFailure, opened.status());
    journal = *std::move(opened);
  }
  std::vector<std::string> arguments = {"--data", flags.data_directory};
  if (flags.threads != 1) {
    arguments.insert(arguments.end(), {"--threads", absl::StrCat(flags.threads)});
  }
  ChildBatchRunner runner(
      {.program = EvaluatorPath(flags.evaluator), .arguments = std::move(arguments)});
  auto stub = v1::WorkerService::NewStub(OpenChannel(*address));
  Worker worker(*stub, runner,
                {.display_name = flags.name, .batch = flags.batch, .journal = journal.get()});
  const SignalWatch signals([&worker](int count) { OnSignal(count, worker); });
  // From the main thread, whose end is the end of the evaluator.
  const absl::Status status = worker.Run();
  return status.ok() ? 0 : Fail(kFailure, status);
}

int Main(int argc, char** argv) {
  BlockEndSignals();
  std::signal(SIGPIPE, SIG_IGN);
  AdoptOrphans();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("lathe-worker"));
  Flags flags;
  const std::filesystem::path directory = ProgramDirectory();
  flags.data_directory = InstalledDataDirectory();
  flags.name = DefaultName();
  CLI::App app("Evaluates for a lathe-server.", "lathe-worker");
  app.add_option("--server", flags.server, "Address of the server")->capture_default_str();
  app.add_option("--batch", flags.batch, "Evaluations at a time")
      ->check(CLI::Range(1, kMaxBatch))
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Cores that the evaluator uses")
      ->check(CLI::Range(1, kMaxThreads))
      ->capture_default_str();
  app.add_option("--data", flags.data_directory, "Folder of the datasets and models");
  app.add_option("--evaluator", flags.evaluator,
                 "Program that evaluates; lathe-evaluator-torch trains convolutional nets, "
                 "transformers and registered models")
      ->capture_default_str();
  app.add_option("--name", flags.name, "How the worker is shown [HOST:PROCESS]");
  app.add_option("--journal", flags.journal,
                 "File that gets a line per item started and result acknowledged");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return Run(flags);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
