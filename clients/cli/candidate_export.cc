#include "clients/cli/candidate_export.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/message_json.h"
#include "dsl/text.h"

namespace lathe {
namespace {

constexpr std::string_view kHeader =
    "index,slot,program,parents,operation,outcome,filter,objective,hurdle_scores,raw_text\n";

// Always in quotes: a text has lines.
std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

void AppendNumber(std::string* out, double number) {
  out->append(NumberText(number));
}

std::string CsvRow(const v1::Candidate& candidate) {
  const bool scored = candidate.outcome() == v1::Candidate::OK;
  return absl::StrCat(
      candidate.index(), ",", candidate.has_slot() ? absl::StrCat(candidate.slot()) : "", ",",
      Quoted(candidate.program()), ",", absl::StrJoin(candidate.parents(), " "), ",",
      Quoted(candidate.operation()), ",", v1::Candidate::Outcome_Name(candidate.outcome()), ",",
      Quoted(candidate.filter()), ",", scored ? NumberText(candidate.objective()) : "", ",",
      absl::StrJoin(candidate.hurdle_scores(), " ", AppendNumber), ",",
      Quoted(candidate.raw_text()), "\n");
}

}  // namespace

absl::Status ExportCandidates(Client& client, const std::string& job, CandidateFormat format,
                              const std::function<void(std::string_view)>& write,
                              const std::function<void(uint64_t written)>& on_page) {
  if (format == CandidateFormat::kCsv) write(kHeader);
  uint64_t written = 0;
  std::string token;
  do {
    const auto page = client.ListCandidates(job, token);
    if (!page.ok()) return page.status();
    for (const v1::Candidate& candidate : page->candidates()) {
      write(format == CandidateFormat::kCsv ? CsvRow(candidate) : MessageJson(candidate) + "\n");
    }
    written += static_cast<uint64_t>(page->candidates_size());
    on_page(written);
    if (page->next_page_token() == token && !token.empty()) {
      return absl::InternalError(
          absl::StrCat("the server at ", client.Target(), " repeats a page"));
    }
    token = page->next_page_token();
  } while (!token.empty());
  return absl::OkStatus();
}

}  // namespace lathe
