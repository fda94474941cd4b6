// The command export: a program as text or as a source file, or all candidates of a job.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "clients/cli/candidate_export.h"
#include "clients/cli/client.h"
#include "clients/cli/commands.h"
#include "clients/cli/message_json.h"
#include "clients/cli/program_provenance.h"
#include "clients/cli/program_source.h"
#include "clients/cli/resource_names.h"
#include "clients/job/source_text.h"
#include "clients/report/atomic_file.h"
#include "clients/report/progress_line.h"
#include "dsl/canonicalize.h"
#include "dsl/export/exporter.h"
#include "dsl/known_programs.h"

namespace lathe {
namespace {

// A program and what is known of it.
struct Exported {
  v1::Program program;  // canonical, or as a file has it
  Provenance provenance;
};

// A file, standard input, or a known program; all else is the name of a server's resource.
bool IsLocal(const std::string& name) {
  std::error_code error;
  return name == "-" || name.ends_with(".lathe") || KnownProgramText(name).ok() ||
         std::filesystem::is_regular_file(name, error);
}

absl::StatusOr<Exported> LocalProgram(const std::string& name) {
  absl::StatusOr<std::string> text = ReadProgramText(name);
  if (!text.ok()) return text.status();
  const absl::StatusOr<Program> program = ParseOrStatus(*text, name);
  if (!program.ok()) return program.status();
  const std::string hash = MakeCanonical(*program).hash.Hex();
  Exported exported;
  exported.program.set_name("programs/" + hash);
  exported.program.set_text(*text);
  exported.program.set_language_version(kLanguageVersion);
  exported.provenance.facts = FactsOfHash(hash);
  return exported;
}

// Canonical programs are all called p0.
std::string ClassName(const v1::Program& program) {
  constexpr size_t kDigits = 8;
  const std::string& name = program.name();
  return "found_" + name.substr(name.rfind('/') + 1).substr(0, kDigits);
}

absl::StatusOr<Exported> FromServer(const v1::Program& program, ProvenanceFacts facts) {
  if (!IsProgramName(program.name())) {  // digits of it become a name in the source
    return absl::InternalError(absl::StrCat("the server calls a program \"",
                                            Printable(program.name()),
                                            "\", not programs/ and 32 hexadecimal digits"));
  }
  Exported exported;
  exported.program = program;
  exported.provenance.name = ClassName(program);
  exported.provenance.facts = FactsOfHash(program.name().substr(program.name().rfind('/') + 1));
  exported.provenance.facts.insert(exported.provenance.facts.end(), facts.begin(), facts.end());
  return exported;
}

absl::StatusOr<Exported> FoundByJob(const std::string& name, Client& client) {
  const absl::StatusOr<v1::JobReport> report = client.GetJobReport(name);
  if (!report.ok()) return report.status();
  if (!report->has_found()) return absl::NotFoundError(name + " has found no program");
  const absl::StatusOr<v1::Job> job = client.GetJob(name);
  if (!job.ok()) return job.status();
  v1::Program program;
  program.set_name("programs/" + report->found().hash());
  program.set_text(report->found().text());
  program.set_language_version(kLanguageVersion);
  return FromServer(program, FactsOfReport(*job, *report));
}

absl::StatusOr<Exported> OfCandidate(const std::string& name, Client& client) {
  const absl::StatusOr<v1::Candidate> candidate = client.GetCandidate(name);
  if (!candidate.ok()) return candidate.status();
  if (candidate->program().empty()) {
    return absl::NotFoundError(name + " is ill-formed and has no canonical form");
  }
  const absl::StatusOr<v1::Program> program = client.GetProgram(candidate->program());
  if (!program.ok()) return program.status();
  const absl::StatusOr<v1::Job> job = client.GetJob(name.substr(0, name.find("/candidates/")));
  if (!job.ok()) return job.status();
  return FromServer(*program, FactsOfCandidate(*job, *candidate));
}

absl::StatusOr<Exported> OfProgram(const std::string& name, Client& client) {
  const absl::StatusOr<v1::Program> program = client.GetProgram(name);
  if (!program.ok()) return program.status();
  const absl::StatusOr<v1::ListEvaluationsResponse> list = client.ListEvaluations(name);
  if (!list.ok()) return list.status();
  return FromServer(*program,
                    FactsOfEvaluations({list->evaluations().begin(), list->evaluations().end()}));
}

absl::StatusOr<ResourceName> FindExported(const std::string& name, Client& client) {
  absl::StatusOr<ResourceName> resource = FindResource(name, client);
  if (resource.ok() || resource.status().code() != absl::StatusCode::kInvalidArgument) {
    return resource;
  }
  return absl::InvalidArgumentError(absl::StrCat(std::string(resource.status().message()),
                                                 "; a program may also be a file (it ends in "
                                                 ".lathe) or a known one"));
}

absl::StatusOr<Exported> FindProgram(const std::string& name, const Address& server) {
  if (IsLocal(name)) return LocalProgram(name);
  Client client(server);
  const absl::StatusOr<ResourceName> resource = FindExported(name, client);
  if (!resource.ok()) return resource.status();
  switch (resource->kind) {
    case ResourceKind::kJob: return FoundByJob(resource->name, client);
    case ResourceKind::kCandidate: return OfCandidate(resource->name, client);
    case ResourceKind::kProgram: break;
  }
  return OfProgram(resource->name, client);
}

// How far a long export is; the line stands as it was when the export ended.
class ExportProgress {
 public:
  ExportProgress(uint64_t total, bool visible) : total_(total), visible_(visible) {}
  ~ExportProgress() {
    if (shown_) line_.End();
  }
  ExportProgress(const ExportProgress&) = delete;
  ExportProgress& operator=(const ExportProgress&) = delete;

  void Show(uint64_t written) {
    const bool ends = shown_ && written >= total_;
    if (!visible_ || !(ends || line_.Due())) return;
    shown_ = true;
    line_.Show(written, total_, absl::StrCat(written, " candidates"));
  }

 private:
  const uint64_t total_;
  const bool visible_;
  ProgressLine line_;
  bool shown_ = false;
};

absl::Status ExportAllCandidates(const Address& server, const ExportOptions& options) {
  Client client(server);
  const absl::StatusOr<ResourceName> resource = FindResource(options.name, client);
  if (!resource.ok()) return resource.status();
  if (resource->kind != ResourceKind::kJob) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--to ", options.format, " takes a job, whose candidates it writes, not ", resource->name));
  }
  const CandidateFormat format =
      options.format == "csv" ? CandidateFormat::kCsv : CandidateFormat::kJsonl;
  const absl::StatusOr<v1::Job> job = client.GetJob(resource->name);
  if (!job.ok()) return job.status();
  // Candidates on a terminal show by themselves how far they are.
  const bool visible = !options.out_file.empty() || isatty(STDOUT_FILENO) == 0;
  ExportProgress progress(job->progress().candidates().proposed(), visible);
  const auto on_page = [&progress](uint64_t written) { progress.Show(written); };
  if (options.out_file.empty()) {
    const auto print = [](std::string_view piece) {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
    };
    return ExportCandidates(client, resource->name, format, print, on_page);
  }
  AtomicFile file(options.out_file);
  const auto write = [&file](std::string_view piece) { file.Write(piece); };
  const absl::Status status = ExportCandidates(client, resource->name, format, write, on_page);
  return status.ok() ? file.Commit() : status;
}

// A file in the language that is asked for.
absl::StatusOr<std::string> SourceOf(Exported& exported, const std::string& format) {
  const std::string& text = exported.program.text();
  if (format == "text") return text;
  const absl::StatusOr<Program> program = ParseOrStatus(text, exported.program.name());
  if (!program.ok()) {
    return absl::InternalError(
        absl::StrCat("the text of ", std::string(program.status().message())));
  }
  exported.provenance.source = text;
  const ExportTarget target = format == "cpp" ? ExportTarget::kCpp : ExportTarget::kPytorch;
  return ExportProgram(*program, target, exported.provenance);
}

}  // namespace

absl::Status ExportCommand(const Address& server, const ExportOptions& options, bool json) {
  if (absl::Status status = CheckWritable(options.out_file); !status.ok()) return status;
  if (options.format == "csv" || options.format == "jsonl") {
    return ExportAllCandidates(server, options);
  }
  absl::StatusOr<Exported> exported = FindProgram(options.name, server);
  if (!exported.ok()) return exported.status();
  const absl::StatusOr<std::string> source = SourceOf(*exported, options.format);
  if (!source.ok()) return source.status();
  if (json) PrintLine(MessageJson(exported->program));
  if (!options.out_file.empty()) return WriteFileAtomically(options.out_file, *source);
  if (!json && WriteOutputAsIs(*source) != 0) return absl::UnavailableError("cannot print");
  return absl::OkStatus();
}

}  // namespace lathe
