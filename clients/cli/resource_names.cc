#include "clients/cli/resource_names.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/job/source_text.h"

namespace lathe {
namespace {

constexpr std::string_view kJobs = "jobs/", kPrograms = "programs/", kCandidates = "/candidates/";
constexpr size_t kJobDigits = 16, kProgramDigits = 32;

bool AreHexDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool AreDecimalDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

absl::Status NoName(const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", Printable(text), "\" is no name; one is jobs/ and 16 hexadecimal digits, jobs/.../",
      "candidates/ and a number, or programs/ and 32 hexadecimal digits"));
}

// The job with these first or last digits.
absl::StatusOr<std::string> JobByDigits(std::string_view digits, Client& client) {
  if (digits.size() == kJobDigits) return absl::StrCat("jobs/", std::string(digits));
  const absl::StatusOr<v1::ListJobsResponse> jobs = client.ListJobs(kAll);
  if (!jobs.ok()) return jobs.status();
  std::vector<std::string> matches;
  for (const v1::Job& job : jobs->jobs()) {
    const std::string_view name = job.name();
    const bool matched = name.substr(std::min(kJobs.size(), name.size())).starts_with(digits) ||
                         name.ends_with(digits);
    if (matched) matches.push_back(job.name());
  }
  if (matches.size() == 1) return matches[0];
  if (matches.empty()) {
    return absl::NotFoundError(
        absl::StrCat("there is no job whose digits start or end with ", std::string(digits)));
  }
  if (matches.size() > 5) {
    matches.resize(5);
    matches.push_back("...");
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "several jobs have the digits ", std::string(digits), ": ", absl::StrJoin(matches, ", ")));
}

}  // namespace

bool IsProgramName(std::string_view name) {
  return name.starts_with(kPrograms) && name.size() == kPrograms.size() + kProgramDigits &&
         AreHexDigits(name.substr(kPrograms.size()));
}

absl::StatusOr<ResourceName> FindResource(const std::string& text, Client& client) {
  std::string_view rest = text;
  const bool is_program = rest.starts_with(kPrograms);
  if (is_program) rest.remove_prefix(kPrograms.size());
  if (AreHexDigits(rest) && rest.size() == kProgramDigits) {
    return ResourceName{ResourceKind::kProgram, absl::StrCat("programs/", std::string(rest))};
  }
  if (is_program) return NoName(text);
  if (rest.starts_with(kJobs)) rest.remove_prefix(kJobs.size());
  const size_t slash = rest.find('/');
  const std::string_view digits = rest.substr(0, slash);
  const std::string_view below =
      slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  const bool is_candidate =
      below.starts_with(kCandidates) && AreDecimalDigits(below.substr(kCandidates.size()));
  if (!AreHexDigits(digits) || digits.size() > kJobDigits) return NoName(text);
  if (!below.empty() && !is_candidate) return NoName(text);
  const absl::StatusOr<std::string> job = JobByDigits(digits, client);
  if (!job.ok()) return job.status();
  return ResourceName{is_candidate ? ResourceKind::kCandidate : ResourceKind::kJob,
                      absl::StrCat(*job, std::string(below))};
}

absl::StatusOr<std::string> FindJob(const std::string& text, Client& client) {
  absl::StatusOr<ResourceName> resource = FindResource(text, client);
  if (!resource.ok()) return resource.status();
  if (resource->kind == ResourceKind::kJob) return std::move(resource->name);
  return absl::InvalidArgumentError(absl::StrCat("\"", Printable(text), "\" is not a job"));
}

}  // namespace lathe
