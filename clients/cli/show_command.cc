// The command show: what the service keeps.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/job_text.h"
#include "clients/cli/message_json.h"
#include "clients/cli/resource_names.h"
#include "clients/report/report.h"

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

}  // namespace lathe
