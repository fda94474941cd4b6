#include "server/resource_names.h"

#include <charconv>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rpc/status.h"

namespace lathe {
namespace {

constexpr size_t kShownBytes = 80;

// All of `text` as a number of exactly `digits` lower-case hexadecimal digits.
std::optional<uint64_t> ParseHex(std::string_view text, size_t digits) {
  if (text.size() != digits) return std::nullopt;
  if (text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What follows `prefix`; nothing if it is not there.
std::optional<std::string_view> After(std::string_view text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return std::nullopt;
  return text.substr(prefix.size());
}

absl::Status WrongName(std::string_view name, std::string_view field, std::string_view form) {
  const std::string shown = absl::CHexEscape(std::string(name.substr(0, kShownBytes)));
  return WithReason(WithField(absl::InvalidArgumentError(
                                  absl::StrCat(std::string(field), ": \"", shown,
                                               "\" is not a name; one is ", std::string(form))),
                              field),
                    "NAME_INVALID");
}

absl::StatusOr<uint64_t> ParseId(std::string_view name, std::string_view prefix,
                                 std::string_view field, std::string_view form) {
  if (const auto rest = After(name, prefix)) {
    if (const auto id = ParseHex(*rest, 16)) return *id;
  }
  return WrongName(name, field, form);
}

}  // namespace

std::string JobName(JobId id) {
  return absl::StrFormat("jobs/%016x", id);
}

std::string CandidateName(JobId id, uint64_t index) {
  return absl::StrFormat("jobs/%016x/candidates/%d", id, index);
}

std::string ProgramName(const Hash128& hash) {
  return "programs/" + hash.Hex();
}

std::string WorkerName(WorkerId id) {
  return absl::StrFormat("workers/%016x", id);
}

absl::StatusOr<JobId> ParseJobName(std::string_view name, std::string_view field) {
  return ParseId(name, "jobs/", field, "jobs/ and 16 hexadecimal digits");
}

absl::StatusOr<std::pair<JobId, uint64_t>> ParseCandidateName(std::string_view name,
                                                              std::string_view field) {
  constexpr std::string_view kForm =
      "jobs/ and 16 hexadecimal digits, /candidates/ and the candidate's index";
  constexpr size_t kJobEnd = 21;  // of "jobs/" and 16 digits
  const absl::StatusOr<JobId> job = ParseJobName(name.substr(0, kJobEnd), field);
  if (!job.ok() || name.size() <= kJobEnd) return WrongName(name, field, kForm);
  if (const auto rest = After(name.substr(kJobEnd), "/candidates/")) {
    if (const auto index = ParseDecimal(*rest)) return std::pair(*job, *index);
  }
  return WrongName(name, field, kForm);
}

std::optional<Hash128> ParseHash(std::string_view hex) {
  if (hex.size() != 32) return std::nullopt;
  const auto high = ParseHex(hex.substr(0, 16), 16), low = ParseHex(hex.substr(16), 16);
  if (!high || !low) return std::nullopt;
  return Hash128{*high, *low};
}

absl::StatusOr<Hash128> ParseProgramName(std::string_view name, std::string_view field) {
  if (const auto rest = After(name, "programs/")) {
    if (const auto hash = ParseHash(*rest)) return *hash;
  }
  return WrongName(name, field, "programs/ and 32 hexadecimal digits");
}

absl::StatusOr<WorkerId> ParseWorkerName(std::string_view name, std::string_view field) {
  return ParseId(name, "workers/", field, "workers/ and 16 hexadecimal digits");
}

}  // namespace lathe
