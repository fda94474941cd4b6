// lathe: submits jobs to a server, watches them, shows what they have found; works on programs.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/data_commands.h"
#include "clients/cli/prog_commands.h"
#include "clients/cli/store_commands.h"
#include "clients/cli/terminal_text.h"
#include "clients/run/run_command.h"

namespace lathe {
namespace {

constexpr int kFailure = 1, kUsage = 2, kInterrupted = 130;

using Command = std::function<absl::Status(const Address& server, bool json)>;

// What the command line says.
struct CommandLine {
  std::string server{kDefaultAddress};
  bool json = false;
  Command command;

  std::string name;  // of a job or another resource
  SubmitOptions submit;
  VerifyOptions verify;
  ExportOptions export_options;
  size_t most = 50;
  bool all = false, once = false, follow = false;
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "lathe: %s\n", PlainLines(std::string(status.message())).c_str());
  if (status.code() == absl::StatusCode::kCancelled) return kInterrupted;
  return status.code() == absl::StatusCode::kInvalidArgument ? kUsage : kFailure;
}

CLI::App* Add(CLI::App& app, CommandLine& line, const char* name, const char* description,
              Command command) {
  CLI::App* added = app.add_subcommand(name, description);
  added->add_flag("--json", line.json, "Print JSON");
  added->fallthrough();
  added->callback([&line, command = std::move(command)] { line.command = command; });
  return added;
}

void AddSubmit(CLI::App& app, CommandLine& line) {
  CLI::App* submit = Add(app, line, "submit", "Submit a job and print its name",
                         [&line](const Address& server, bool json) {
                           return SubmitCommand(server, line.submit, json);
                         });
  submit->add_option("JOB", line.submit.job_file, "Job file (YAML)")->required();
  submit->add_option("--set", line.submit.overrides, "Override a field: budget.candidates=300")
      ->take_all()
      ->allow_extra_args(false);
  submit->add_option("--seed", line.submit.seed, "Override the job's seed");
  submit->add_option("--request-id", line.submit.request_id,
                     "Submit once, however often this is repeated");
  submit->add_flag("--watch", line.submit.watch, "Watch the job to its end");
}

void AddJobs(CLI::App& app, CommandLine& line) {
  CLI::App* jobs = Add(app, line, "jobs", "List jobs, the most recent first",
                       [&line](const Address& server, bool json) {
                         return JobsCommand(server, line.all ? kAll : line.most, json);
                       });
  jobs->add_option("--limit", line.most, "How many at most")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  jobs->add_flag("--all", line.all, "All of them");
}

void AddWatch(CLI::App& app, CommandLine& line) {
  Add(app, line, "watch", "Watch a job to its end",
      [&line](const Address& server, bool json) { return WatchCommand(server, line.name, json); })
      ->add_option("JOB", line.name, "Name of the job, or enough of its digits")
      ->required();
}

void AddTop(CLI::App& app, CommandLine& line) {
  Add(app, line, "top", "Jobs and workers, once a second",
      [&line](const Address& server, bool json) { return TopCommand(server, line.once, json); })
      ->add_flag("--once", line.once, "Once, not once a second");
}

void AddShow(CLI::App& app, CommandLine& line) {
  Add(app, line, "show", "Show a job, a candidate or a program",
      [&line](const Address& server, bool json) { return ShowCommand(server, line.name, json); })
      ->add_option("NAME", line.name,
                   "jobs/... (or enough of its digits), jobs/.../candidates/..., programs/...")
      ->required();
}

void AddExport(CLI::App& app, CommandLine& line) {
  CLI::App* exported = Add(app, line, "export", "Hand out a program, or all candidates of a job",
                           [&line](const Address& server, bool json) {
                             return ExportCommand(server, line.export_options, json);
                           });
  exported
      ->add_option("NAME", line.export_options.name,
                   "programs/..., a candidate, or a job for the program it has found or for its "
                   "candidates; without a server a .lathe file or a known program: adamw")
      ->required();
  exported
      ->add_option("--to", line.export_options.format,
                   "text: a program; pytorch: a Python file; cpp: a header for libtorch; jsonl, "
                   "csv: every candidate of a job")
      ->check(CLI::IsMember({"text", "pytorch", "cpp", "jsonl", "csv"}))
      ->capture_default_str();
  exported->add_option("--out", line.export_options.out_file, "Write it to this file");
}

void AddVerb(CLI::App& app, CommandLine& line, JobVerb verb, const char* name,
             const char* description) {
  Add(app, line, name, description,
      [&line, verb](const Address& server, bool json) {
        return JobVerbCommand(server, verb, line.name, json);
      })
      ->add_option("JOB", line.name, "Name of the job, or enough of its digits")
      ->required();
}

void AddVerbs(CLI::App& app, CommandLine& line) {
  AddVerb(app, line, JobVerb::kPause, "pause", "Start nothing new; what runs is finished");
  AddVerb(app, line, JobVerb::kResume, "resume", "Go on with a paused job");
  AddVerb(app, line, JobVerb::kStop, "stop", "Propose nothing more, finish, report");
  AddVerb(app, line, JobVerb::kCancel, "cancel", "End a job; what runs is dropped");
  AddVerb(app, line, JobVerb::kDelete, "delete", "Remove a job that has ended");
}

void AddVerify(CLI::App& app, CommandLine& line) {
  CLI::App* verify = Add(app, line, "verify", "Repeat recorded evaluations and compare every bit",
                         [&line](const Address& server, bool json) {
                           return VerifyCommand(server, line.name, line.verify, json);
                         });
  verify->add_option("JOB", line.name, "Name of the job, or enough of its digits")->required();
  verify->add_option("--sample", line.verify.sample, "How many candidates")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  verify->add_option("--seed", line.verify.seed, "Of the draw")->capture_default_str();
}

void AddLogs(CLI::App& app, CommandLine& line) {
  CLI::App* logs =
      Add(app, line, "logs", "Print the log of a job", [&line](const Address& server, bool json) {
        return LogsCommand(server, line.name, line.follow, json);
      });
  logs->add_option("JOB", line.name, "Name of the job, or enough of its digits")->required();
  logs->add_flag("--follow", line.follow, "Go on until the job has ended");
}

int Main(int argc, char** argv) {
  CommandLine line;
  CLI::App app("Searches tensor programs: submits jobs, watches them, shows what they found.",
               "lathe");
  app.require_subcommand(0, 1);
  app.add_option("--server", line.server, "Address of the server: HOST:PORT or unix:PATH")
      ->envname("LATHE_SERVER")
      ->capture_default_str();
  for (auto* add :
       {AddSubmit, AddJobs, AddWatch, AddTop, AddShow, AddExport, AddVerbs, AddVerify, AddLogs}) {
    add(app, line);
  }
  int run_status = 0, data_status = 0, prog_status = 0, store_status = 0;
  AddRunCommand(app, &run_status);
  AddDataCommand(app, &data_status);
  AddProgCommand(app, &prog_status);
  AddStoreCommand(app, &store_status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return Fail(absl::InvalidArgumentError(std::string(error.what()) + "; see lathe --help"));
  }
  if (app.got_subcommand("run")) return run_status;
  if (app.got_subcommand("data")) return data_status;
  if (app.got_subcommand("prog")) return prog_status;
  if (app.got_subcommand("store")) return store_status;
  if (line.command == nullptr) {
    return Fail(absl::InvalidArgumentError("a command is missing; see lathe --help"));
  }
  const absl::StatusOr<Address> server = ParseAddress(line.server);
  if (!server.ok()) return Fail(server.status());
  const absl::Status status = line.command(*server, line.json);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
