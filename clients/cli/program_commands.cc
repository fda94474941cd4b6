// Commands about what the service keeps: show, export.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "clients/cli/candidate_export.h"
#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/job_text.h"
#include "clients/cli/message_json.h"
#include "clients/cli/resource_names.h"
#include "clients/report/atomic_file.h"
#include "clients/report/report.h"
#include "dsl/program.h"

namespace lathe {
namespace {

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

absl::Status ShowJob(Client& client, const std::string& name, bool json) {
  const absl::StatusOr<v1::Job> job = client.GetJob(name);
  if (!job.ok()) return job.status();
  const bool has_report = job->state() == v1::Job::SUCCEEDED;
  absl::StatusOr<v1::JobReport> report = v1::JobReport();
  if (has_report) report = client.GetJobReport(name);
  if (!report.ok()) return report.status();
  if (json) {
    PrintLine(absl::StrCat("{\"job\":", MessageJson(*job),
                           ",\"report\":", has_report ? MessageJson(*report) : "null", "}"));
    return absl::OkStatus();
  }
  Print(absl::StrCat(JobText(*job), "\n", SpecText(job->spec())));
  if (has_report) Print(PlainLines(ReportText(*report)));
  return absl::OkStatus();
}

absl::Status ShowCandidate(Client& client, const std::string& name, bool json) {
  const absl::StatusOr<v1::Candidate> candidate = client.GetCandidate(name);
  if (!candidate.ok()) return candidate.status();
  Print(json ? MessageJson(*candidate) + "\n" : CandidateText(*candidate));
  return absl::OkStatus();
}

absl::Status ShowProgram(Client& client, const std::string& name, bool json) {
  const absl::StatusOr<v1::Program> program = client.GetProgram(name);
  if (!program.ok()) return program.status();
  const absl::StatusOr<v1::ListEvaluationsResponse> list = client.ListEvaluations(name);
  if (!list.ok()) return list.status();
  if (!json) {
    Print(ProgramText(*program, {list->evaluations().begin(), list->evaluations().end()}));
    return absl::OkStatus();
  }
  std::string evaluations;
  for (const v1::Evaluation& evaluation : list->evaluations()) {
    absl::StrAppend(&evaluations, evaluations.empty() ? "" : ",", MessageJson(evaluation));
  }
  PrintLine(absl::StrCat("{\"program\":", MessageJson(*program), ",\"evaluations\":[", evaluations,
                         "]}"));
  return absl::OkStatus();
}

// The program with that name, or what the job with that name has found.
absl::StatusOr<v1::Program> ProgramOf(const ResourceName& resource, Client& client) {
  if (resource.kind == ResourceKind::kProgram) return client.GetProgram(resource.name);
  if (resource.kind == ResourceKind::kCandidate) {
    const absl::StatusOr<v1::Candidate> candidate = client.GetCandidate(resource.name);
    if (!candidate.ok()) return candidate.status();
    if (!candidate->program().empty()) return client.GetProgram(candidate->program());
    return absl::NotFoundError(resource.name + " is ill-formed and has no canonical form");
  }
  const absl::StatusOr<v1::JobReport> report = client.GetJobReport(resource.name);
  if (!report.ok()) return report.status();
  if (!report->has_found()) return absl::NotFoundError(resource.name + " has found no program");
  v1::Program program;
  program.set_name("programs/" + report->found().hash());
  program.set_text(report->found().text());
  program.set_language_version(kLanguageVersion);
  return program;
}

absl::Status ExportAllCandidates(Client& client, const ResourceName& resource,
                                 const ExportOptions& options) {
  if (resource.kind != ResourceKind::kJob) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--to ", options.format, " takes a job, whose candidates it writes, not ", resource.name));
  }
  const CandidateFormat format =
      options.format == "csv" ? CandidateFormat::kCsv : CandidateFormat::kJsonl;
  if (options.out_file.empty()) {
    return ExportCandidates(client, resource.name, format, [](std::string_view piece) {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
    });
  }
  AtomicFile file(options.out_file);
  const absl::Status status = ExportCandidates(
      client, resource.name, format, [&file](std::string_view piece) { file.Write(piece); });
  return status.ok() ? file.Commit() : status;
}

}  // namespace

absl::Status ShowCommand(const Address& server, const std::string& name, bool json) {
  Client client(server);
  const absl::StatusOr<ResourceName> resource = FindResource(name, client);
  if (!resource.ok()) return resource.status();
  switch (resource->kind) {
    case ResourceKind::kJob: return ShowJob(client, resource->name, json);
    case ResourceKind::kCandidate: return ShowCandidate(client, resource->name, json);
    case ResourceKind::kProgram: break;
  }
  return ShowProgram(client, resource->name, json);
}

absl::Status ExportCommand(const Address& server, const ExportOptions& options, bool json) {
  if (absl::Status status = CheckWritable(options.out_file); !status.ok()) return status;
  Client client(server);
  const absl::StatusOr<ResourceName> resource = FindResource(options.name, client);
  if (!resource.ok()) return resource.status();
  if (options.format != "text") return ExportAllCandidates(client, *resource, options);
  const absl::StatusOr<v1::Program> program = ProgramOf(*resource, client);
  if (!program.ok()) return program.status();
  if (json) PrintLine(MessageJson(*program));
  if (!options.out_file.empty()) return WriteFileAtomically(options.out_file, program->text());
  if (!json) Print(PlainLines(program->text()));
  return absl::OkStatus();
}

}  // namespace lathe
