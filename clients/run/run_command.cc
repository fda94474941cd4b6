#include "clients/run/run_command.h"

#include <string.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/job/dataset_names.h"
#include "clients/job/job_file.h"
#include "clients/report/atomic_file.h"
#include "clients/report/json_text.h"
#include "clients/report/report.h"
#include "clients/run/embedded_run.h"
#include "evaluators/datasets/load_dataset.h"
#include "rpc/address.h"

namespace lathe {
namespace {

constexpr int kFailure = 1, kUsage = 2, kSignal = 128;

struct Flags {
  std::string job_file;
  std::vector<std::string> overrides;
  std::optional<std::string> seed;
  EmbeddedRunOptions run;
  bool quiet = false, search_only = false;
  std::vector<std::string> json;  // of --json [FILE]
  bool json_output = false;       // instead of the table
  std::string json_file, out_file;
};

int Fail(int code, const std::string& text) {
  std::fprintf(stderr, "lathe: %s\n", text.c_str());
  return code;
}

int Fail(int code, const absl::Status& status) {
  return Fail(code, std::string(status.message()));
}

// `--json JOB.yaml` asks for JSON and names the job.
void SortOutJson(bool asked, Flags* flags) {
  if (!asked) return;
  std::string file = flags->json.empty() ? "" : flags->json.front();
  if (flags->job_file.empty() && (absl::EndsWith(file, ".yaml") || absl::EndsWith(file, ".yml"))) {
    flags->job_file = std::exchange(file, "");
  }
  flags->json_output = file.empty();
  flags->json_file = file;
}

absl::Status CheckMetrics(const std::string& metrics) {
  if (metrics == "off") return absl::OkStatus();
  const auto address = ParseAddress(metrics);
  if (address.ok() && address->kind == Address::Kind::kTcp) return absl::OkStatus();
  return absl::InvalidArgumentError(address.ok()
                                        ? "--metrics: expected HOST:PORT or off"
                                        : absl::StrCat("--metrics: ", address.status().message()));
}

absl::StatusOr<v1::JobSpec> LoadJob(const Flags& flags) {
  if (flags.job_file.empty()) {
    return absl::InvalidArgumentError("JOB is required: lathe run JOB.yaml");
  }
  std::vector<std::string> overrides = flags.overrides;
  if (flags.seed) overrides.push_back("seed=" + *flags.seed);
  absl::StatusOr<v1::JobSpec> job = ReadJobFile(flags.job_file, overrides);
  if (job.ok() && flags.search_only) job->clear_study();
  return job;
}

// What registered datasets and models are, read whole: the server that is to come knows none of
// them until there are workers, and what is wrong with them is told before anything is started.
absl::Status PinDatasets(const Flags& flags, v1::JobSpec& job) {
  const std::string& directory = flags.run.data;
  const auto catalog =
      CheckedCatalog(directory.empty() ? InstalledDataDirectory() : directory, DatasetNames(job));
  if (!catalog.ok()) return catalog.status();
  absl::Status status;
  ForEachNamedDataset(job, [&](v1::Task& task) {
    if (!status.ok() || ShippedDatasets().contains(task.dataset())) return;
    auto data = ResolveDescription(task.dataset(), task.data(), catalog->datasets);
    status = data.status();
    if (data.ok()) *task.mutable_data() = *std::move(data);
  });
  ForEachNamedModel(job, [&](v1::Task& task) {
    if (!status.ok()) return;
    auto model = ResolveModelDescription(task.torchscript(), catalog->models);
    status = model.status();
    if (model.ok()) *task.mutable_torchscript()->mutable_description() = *std::move(model);
  });
  return status;
}

// A name that is none is found to be wrong by the server, before anything is written.
std::string DefaultOutFile(const v1::JobSpec& job) {
  return absl::StrContains(job.name(), '/') ? "" : job.name() + ".lathe";
}

std::string ResultText(const std::string& job, const v1::JobReport& report) {
  nlohmann::json json = ReportJson(report);
  json["job"] = job;
  return JsonText(json, 2);
}

absl::Status SaveFiles(const Flags& flags, const std::string& json, const v1::JobReport& report) {
  if (!flags.json_file.empty()) {
    absl::Status status = WriteFileAtomically(flags.json_file, json);
    if (!status.ok()) return status;
  }
  if (!report.has_found()) return absl::OkStatus();
  return WriteFileAtomically(flags.out_file, FoundProgramFile(report));
}

int Print(const std::string& text) {
  errno = 0;
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return 0;
  return Fail(kFailure, absl::StrCat("standard output: ", strerror(errno)));
}

int Tell(const EmbeddedRunEnd& end, const Flags& flags) {
  if (end.signal != 0) {
    const std::string& store = flags.run.store;
    return Fail(kSignal + end.signal, store.empty()
                                          ? "cancelled; --store DIR would keep finished evaluations"
                                          : "cancelled; finished evaluations are kept in " + store);
  }
  if (absl::IsInvalidArgument(end.status)) {
    return Fail(kUsage, absl::StrCat(flags.job_file, ": ", end.status.message()));
  }
  return Fail(kFailure, end.status);
}

bool AsksForTorch(const v1::Task& task) {
  return task.has_conv_net() || task.has_transformer() || task.has_torchscript();
}

// The evaluator of multi-layer perceptrons unless one of the job's tasks has another model.
absl::Status ChooseEvaluator(const v1::JobSpec& job, EmbeddedRunOptions* options) {
  bool torch = AsksForTorch(job.task());
  for (const v1::Transfer& transfer : job.study().transfers()) {
    torch |= AsksForTorch(transfer.task());
  }
  for (const v1::Hurdle& hurdle : job.hurdles()) torch |= AsksForTorch(hurdle.task());
  if (!torch || !options->evaluator.empty()) return absl::OkStatus();
  options->evaluator = options->programs + "/lathe-evaluator-torch";
  if (std::filesystem::exists(options->evaluator)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(options->evaluator, ": is not there, and trains this job's model; it is built ",
                   "with libtorch (LATHE_TORCH=ON)"));
}

int Run(Flags flags) {
  absl::StatusOr<v1::JobSpec> job = LoadJob(flags);
  if (!job.ok()) return Fail(kUsage, job.status());
  if (absl::Status status = PinDatasets(flags, *job); !status.ok()) return Tell({status}, flags);
  if (absl::Status status = ChooseEvaluator(*job, &flags.run); !status.ok()) {
    return Fail(kFailure, status);
  }
  if (absl::Status status = CheckMetrics(flags.run.metrics); !status.ok()) {
    return Fail(kUsage, status);
  }
  if (flags.out_file.empty()) flags.out_file = DefaultOutFile(*job);
  if (!flags.json_file.empty() && flags.json_file == flags.out_file) {
    return Fail(kUsage, "--json and --out name the same file");
  }
  for (const std::string& path : {flags.json_file, flags.out_file}) {
    if (absl::Status status = CheckWritable(path); !status.ok()) return Fail(kFailure, status);
  }
  std::string text;
  const EmbeddedRunEnd end =
      RunEmbedded(*job, flags.run, [&](const std::string& name, const v1::JobReport& report) {
        const std::string json = ResultText(name, report);
        text = flags.json_output ? json : ReportText(report);
        if (!flags.json_output && report.has_found()) {
          absl::StrAppend(&text, "\nwritten to ", flags.out_file, "\n");
        }
        return SaveFiles(flags, json, report);
      });
  return end.status.ok() ? Print(text) : Tell(end, flags);
}

std::string FolderOfThisProgram() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

void AddFlags(CLI::App& run, Flags& flags) {
  run.add_option("JOB", flags.job_file, "Job file (YAML)");
  run.add_option("--seed", flags.seed, "Override the job's seed");
  run.add_option("--set", flags.overrides, "Override a field: budget.candidates=300")
      ->take_all()
      ->allow_extra_args(false);
  run.add_option("--workers", flags.run.workers, "Worker processes [one per core]")
      ->check(CLI::Range(1, 1024));
  run.add_option("--batch", flags.run.batch, "Evaluations that a worker takes at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  run.add_option("--store", flags.run.store,
                 "Keep evaluations here and take them from here [gone with the run]");
  run.add_option("--data", flags.run.data, "Folder of the datasets");
  run.add_option("--metrics", flags.run.metrics, "Serve Prometheus metrics on HOST:PORT, or off")
      ->capture_default_str();
  run.add_flag("--search-only", flags.search_only, "Leave out the job's study");
  run.add_option("--json", flags.json,
                 "Print the results as JSON; with FILE, write them there beside the table")
      ->type_name("[FILE]")
      ->expected(0, 1);
  run.add_option("--out", flags.out_file, "Write the found program here [NAME.lathe]");
  run.add_flag("--quiet", flags.quiet, "No progress on standard error");
  run.add_option("--evaluator", flags.run.evaluator, "The program that evaluates")
      ->take_last()
      ->group("");
}

}  // namespace

void AddRunCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<Flags>();
  flags->run.programs = FolderOfThisProgram();
  flags->run.workers = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  flags->run.batch = 16;
  CLI::App* run =
      app.add_subcommand("run", "Run a job on this machine, with a server and workers of its own");
  AddFlags(*run, *flags);
  run->callback([run, flags, exit_code] {
    SortOutJson(run->count("--json") > 0, flags.get());
    flags->run.show_progress = !flags->quiet;
    *exit_code = Run(*flags);
  });
}

}  // namespace lathe
