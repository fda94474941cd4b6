#include "server/store_check.h"

#include <algorithm>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lathe/v1/report.pb.h"
#include "lathe/v1/resources.pb.h"
#include "lathe/v1/search_log.pb.h"
#include "server/store/keys.h"

namespace lathe {
namespace {

constexpr size_t kScanStep = 1024, kMostProblems = 100;
constexpr size_t kIdBytes = 8, kPairBytes = 16;

class RecordCheck {
 public:
  explicit RecordCheck(const Store& store) : store_(store) {}

  absl::StatusOr<StoreCheck> Run() {
    const std::array<std::pair<Kind, void (RecordCheck::*)(const Store::Entry&)>, 12> kinds = {{
        {Kind::kMeta, &RecordCheck::Meta},
        {Kind::kJobs, &RecordCheck::OfJob},
        {Kind::kJobSpecs, &RecordCheck::Message<v1::JobSpec, kIdBytes>},
        {Kind::kReports, &RecordCheck::Message<v1::JobReport, kIdBytes>},
        {Kind::kCandidates, &RecordCheck::OfCandidate},
        {Kind::kLogEntries, &RecordCheck::OfLogEntry},
        {Kind::kRequests, &RecordCheck::Request},
        {Kind::kPrograms, &RecordCheck::OfProgram},
        {Kind::kEvaluations, &RecordCheck::OfEvaluation},
        {Kind::kOutcomes, &RecordCheck::OfOutcome},
        {Kind::kCheckpoints, &RecordCheck::Message<v1::SearchCheckpoint, kIdBytes + 2>},
        {Kind::kEvents, &RecordCheck::OfEvent},
    }};
    for (const auto& [kind, check] : kinds) {
      kind_ = kind;
      before_.clear();
      absl::Status status = ForEach(check);
      if (!status.ok()) return status;
    }
    return check_;
  }

 private:
  absl::Status ForEach(void (RecordCheck::*check)(const Store::Entry&)) {
    std::string begin;
    while (true) {
      const auto entries = store_.Scan(kind_, begin, "", kScanStep);
      if (!entries.ok()) return entries.status();
      for (const Store::Entry& entry : *entries) {
        ++check_.records[static_cast<size_t>(kind_)];
        (this->*check)(entry);
        before_ = entry.first;
      }
      if (!failure_.ok()) return failure_;
      if (entries->size() < kScanStep) return absl::OkStatus();
      begin = entries->back().first + '\0';
    }
  }

  void Problem(const Store::Entry& entry, std::string_view what) {
    ++check_.problem_count;
    if (check_.problems.size() == kMostProblems) return;
    check_.problems.push_back(absl::StrCat(std::string(kKindNames[static_cast<size_t>(kind_)]), " ",
                                           absl::BytesToHexString(entry.first), ": ",
                                           std::string(what)));
  }

  // The message of an entry whose key has so many bytes.
  template <typename M>
  std::optional<M> Parse(const Store::Entry& entry, size_t key_bytes) {
    M message;
    if (entry.first.size() != key_bytes) {
      Problem(entry, "a key of the wrong length");
    } else if (!message.ParseFromString(entry.second)) {
      Problem(entry, "the value cannot be read");
    } else {
      return message;
    }
    return std::nullopt;
  }
  template <typename M, size_t kKeyBytes>
  void Message(const Store::Entry& entry) {
    Parse<M>(entry, kKeyBytes);
  }

  // Whether a key ends with the number after that of the key before it, or with 0 if that is of
  // another job or search.
  bool Follows(const std::string& key, size_t prefix) const {
    const bool same =
        before_.size() == key.size() && before_.compare(0, prefix, key, 0, prefix) == 0;
    if (!same)
      return std::all_of(key.begin() + static_cast<std::ptrdiff_t>(prefix), key.end(),
                         [](char byte) { return byte == 0; });
    return *ParseCandidateIndex(key) == *ParseCandidateIndex(before_) + 1;
  }

  void Meta(const Store::Entry& entry) {
    int64_t number = 0;
    const bool known = entry.first == kSchemaVersionKey || entry.first == kEpochKey;
    if (!known || !absl::SimpleAtoi(entry.second, &number)) Problem(entry, "is not known");
  }

  void OfJob(const Store::Entry& entry) {
    const auto job = Parse<v1::Job>(entry, kIdBytes);
    if (!job) return;
    const auto spec = store_.Get(Kind::kJobSpecs, JobSpecKey(*ParseJobKey(entry.first)));
    if (!spec.ok()) failure_ = spec.status();
    if (spec.ok() && !*spec) Problem(entry, "the job has no spec");
  }

  void OfCandidate(const Store::Entry& entry) {
    const auto candidate = Parse<v1::Candidate>(entry, kPairBytes);
    if (!candidate) return;
    if (!Follows(entry.first, kIdBytes + 2)) Problem(entry, "the candidate before it is missing");
    if ((*ParseCandidateIndex(entry.first) & (kMostCandidates - 1)) != candidate->index()) {
      Problem(entry, "lies under another index than its own");
    }
  }

  void OfOutcome(const Store::Entry& entry) {
    if (!Parse<v1::SlotOutcome>(entry, kPairBytes)) return;
    if (!Follows(entry.first, kIdBytes + 2)) Problem(entry, "the outcome before it is missing");
  }

  void OfLogEntry(const Store::Entry& entry) {
    if (!Parse<v1::LogEntry>(entry, kPairBytes)) return;
    if (!Follows(entry.first, kIdBytes)) Problem(entry, "the log entry before it is missing");
  }

  void OfEvent(const Store::Entry& entry) {
    const auto job = Parse<v1::Job>(entry, kPairBytes);
    if (job && static_cast<uint64_t>(job->revision()) != *ParseCandidateIndex(entry.first)) {
      Problem(entry, "lies under another revision than its own");
    }
  }

  void Request(const Store::Entry& entry) {
    if (entry.second.size() != kIdBytes) Problem(entry, "names no job");
  }

  void OfProgram(const Store::Entry& entry) {
    const auto program = Parse<v1::Program>(entry, kPairBytes);
    if (program && ProgramKey(HashBytes(program->text())) != entry.first) {
      Problem(entry, "its text has another hash");
    }
  }

  void OfEvaluation(const Store::Entry& entry) {
    const auto key = ParseEvaluationKey(entry.first);
    v1::Evaluation evaluation;
    if (!key) return Problem(entry, "a key that is none");
    if (!evaluation.ParseFromString(entry.second)) return Problem(entry, "cannot be read");
    const auto program = store_.Get(Kind::kPrograms, ProgramKey(key->program));
    if (!program.ok()) failure_ = program.status();
    if (program.ok() && !*program) Problem(entry, "its program is missing");
  }

  const Store& store_;
  Kind kind_ = Kind::kMeta;
  std::string before_;  // the key of the entry before
  absl::Status failure_;
  StoreCheck check_;
};

}  // namespace

absl::StatusOr<StoreCheck> CheckRecords(const Store& store) {
  return RecordCheck(store).Run();
}

}  // namespace lathe
