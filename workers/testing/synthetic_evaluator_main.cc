// lathe-evaluator-synthetic: an evaluator process without training that fails on request, for tests
// of what is around it. Scores are those of SyntheticEvaluator. Programs are chosen by the first
// digits of their hashes; every flag can also be given as LATHE_SYNTHETIC_FLAG in the environment,
// for a process that somebody else starts.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dsl/text.h"
#include "evaluators/testing/synthetic_evaluator.h"
#include "workers/evaluator_loop.h"

namespace lathe {
namespace {

constexpr int kUsage = 2, kExitStatus = 3;

struct Flags {
  std::string data_directory, numeric_class = "synthetic", log, fork_grandchild;
  int64_t delay_us = 0;
  uint64_t seed = 0;
  bool no_data = false;
  std::vector<std::string> datasets;
  std::vector<std::string> crash_on, exit_on, kill_on, hang_on, error_on;
};

// A line in one write, so that a process that is killed leaves whole ones.
void AppendLine(const std::string& path, const std::string& line) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const std::string text = line + "\n";
  if (file < 0 || write(file, text.data(), text.size()) < 0) std::perror(path.c_str());
  if (file >= 0) close(file);
}

[[noreturn]] void SleepForever() {
  while (true) pause();
}

class FailingEvaluator : public SyntheticEvaluator {
 public:
  explicit FailingEvaluator(const Flags& flags)
      : SyntheticEvaluator(std::chrono::microseconds(flags.delay_us), flags.seed), flags_(flags) {}

  std::string NumericClass() const override { return flags_.numeric_class; }

  absl::Status Check(const v1::Task&) override {
    if (!flags_.no_data) return absl::OkStatus();
    return absl::NotFoundError("digits: there are no data on purpose");
  }

  DatasetSurvey Datasets() override {
    DatasetSurvey survey = SyntheticEvaluator::Datasets();
    for (const std::string& name : flags_.datasets) {
      survey.whole[name] = ShippedDatasets().begin()->second;
    }
    return survey;
  }

  absl::StatusOr<Evaluation> Evaluate(const Program& program, const v1::Task& task, int seed_index,
                                      Measure measure) override {
    const std::string hash = HashBytes(Print(program)).Hex();
    const auto chosen = [&](const std::vector<std::string>& prefixes) {
      return std::any_of(prefixes.begin(), prefixes.end(),
                         [&](const std::string& prefix) { return absl::StartsWith(hash, prefix); });
    };
    if (!flags_.log.empty()) AppendLine(flags_.log, hash);
    if (chosen(flags_.crash_on)) std::abort();
    if (chosen(flags_.exit_on)) _exit(kExitStatus);
    if (chosen(flags_.kill_on)) raise(SIGKILL);
    if (chosen(flags_.hang_on)) SleepForever();
    if (chosen(flags_.error_on)) return absl::UnavailableError("an error on purpose");
    return SyntheticEvaluator::Evaluate(program, task, seed_index, measure);
  }

 private:
  const Flags& flags_;
};

// A descendant that has left the process group, keeps the socket and minds no polite signal.
void ForkGrandchild(const std::string& path) {
  if (path.empty()) return;
  if (const pid_t pid = fork(); pid != 0) return AppendLine(path, absl::StrCat(pid));
  setsid();
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_IGN);
  SleepForever();
}

// The flags together with their names in the environment.
template <typename Value>
void AddOption(CLI::App& app, const std::string& name, Value& value, const std::string& text) {
  const std::string variable = absl::StrReplaceAll(absl::AsciiStrToUpper(name), {{"-", "_"}});
  app.add_option("--" + name, value, text)->envname("LATHE_SYNTHETIC_" + variable);
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Makes up scores for lathe-worker; for tests.", "lathe-evaluator-synthetic");
  AddOption(app, "data", flags.data_directory, "Ignored");
  AddOption(app, "delay-us", flags.delay_us, "Longest time of one evaluation");
  AddOption(app, "seed", flags.seed, "What the delays are drawn from");
  AddOption(app, "numeric-class", flags.numeric_class, "What to say of itself");
  AddOption(app, "dataset", flags.datasets, "Say that there is this dataset, too");
  AddOption(app, "log", flags.log, "Append the hash of each program here as its run starts");
  AddOption(app, "crash-on", flags.crash_on, "Abort on this program");
  AddOption(app, "exit-on", flags.exit_on, "Exit with status 3 on this program");
  AddOption(app, "kill-on", flags.kill_on, "SIGKILL itself on this program");
  AddOption(app, "hang-on", flags.hang_on, "Never end on this program");
  AddOption(app, "error-on", flags.error_on, "Return an error for this program");
  AddOption(app, "fork-grandchild", flags.fork_grandchild,
            "Leave a process behind and append its number here");
  app.add_flag("--no-data", flags.no_data, "Have no dataset")->envname("LATHE_SYNTHETIC_NO_DATA");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  ForkGrandchild(flags.fork_grandchild);
  FailingEvaluator evaluator(flags);
  return RunEvaluatorProcess("lathe-evaluator-synthetic", evaluator);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
