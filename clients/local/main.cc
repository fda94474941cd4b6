// lathe-local: a whole job in one process, for studies, benchmarks and a first look.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "clients/job/dataset_names.h"
#include "clients/job/job_file.h"
#include "clients/local/local_run.h"
#include "clients/report/atomic_file.h"
#include "clients/report/json_text.h"
#include "clients/report/report.h"
#include "evaluators/datasets/load_dataset.h"
#include "evaluators/population/population_evaluator.h"
#include "search/spec/resolve_job.h"

namespace lathe {
namespace {

constexpr int kFailure = 1, kUsage = 2;

struct Flags {
  std::string job_file;
  std::vector<std::string> overrides;
  std::optional<std::string> seed;
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::string json_file, out_file, data_directory;
  bool quiet = false, search_only = false;
};

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "lathe-local: %s\n", std::string(status.message()).c_str());
  return code;
}

absl::StatusOr<v1::JobSpec> LoadJob(const Flags& flags) {
  std::vector<std::string> overrides = flags.overrides;
  if (flags.seed) overrides.push_back("seed=" + *flags.seed);
  absl::StatusOr<v1::JobSpec> job = ReadJobFile(flags.job_file, overrides);
  if (!job.ok()) return job.status();
  const auto catalog = CheckedCatalog(flags.data_directory, DatasetNames(*job));
  if (!catalog.ok()) return catalog.status();
  job = ResolveJob(*job, *catalog);
  if (job.ok()) return job;
  return absl::InvalidArgumentError(flags.job_file + ": " + std::string(job.status().message()));
}

absl::Status WriteResults(const Flags& flags, const v1::JobReport& report) {
  if (!flags.json_file.empty()) {
    absl::Status status = WriteFileAtomically(flags.json_file, JsonText(ReportJson(report), 2));
    if (!status.ok()) return status;
  }
  if (!report.has_found()) return absl::OkStatus();
  return WriteFileAtomically(flags.out_file, FoundProgramFile(report));
}

int Run(Flags flags) {
  absl::StatusOr<v1::JobSpec> job = LoadJob(flags);
  if (!job.ok()) return Fail(absl::IsDataLoss(job.status()) ? kFailure : kUsage, job.status());
  if (flags.search_only) job->clear_study();
  if (flags.out_file.empty()) flags.out_file = job->name() + ".lathe";
  if (flags.json_file == flags.out_file) {
    return Fail(kUsage, absl::InvalidArgumentError("--json and --out name the same file"));
  }
  for (const std::string& path : {flags.json_file, flags.out_file}) {
    if (absl::Status status = CheckWritable(path); !status.ok()) return Fail(kFailure, status);
  }
  PopulationEvaluator evaluator(flags.data_directory);
  auto report = RunLocally(*job, evaluator, {flags.threads, !flags.quiet});
  if (!report.ok()) return Fail(kFailure, report.status());
  // Files first: the terminal may be gone by now.
  if (absl::Status status = WriteResults(flags, *report); !status.ok()) {
    return Fail(kFailure, status);
  }
  std::fputs(ReportText(*report).c_str(), stdout);
  if (report->has_found()) std::printf("\nwritten to %s\n", flags.out_file.c_str());
  return 0;
}

int Main(int argc, char** argv) {
  Flags flags;
  flags.data_directory = InstalledDataDirectory();
  CLI::App app("Runs a search job in one process: proposes, filters, trains, compares.",
               "lathe-local");
  app.add_option("JOB", flags.job_file, "Job file (YAML)")->required();
  app.add_option("--set", flags.overrides, "Override a field: budget.candidates=300")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--seed", flags.seed, "Override the job's seed");
  app.add_option("--threads", flags.threads, "Evaluations at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--json", flags.json_file, "Write the results to this file as JSON");
  app.add_option("--out", flags.out_file, "Write the found program here [NAME.lathe]");
  app.add_option("--data", flags.data_directory, "Folder of the datasets");
  app.add_flag("--search-only", flags.search_only, "Leave out the job's study");
  app.add_flag("--quiet", flags.quiet, "No progress on standard error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return Run(std::move(flags));
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
