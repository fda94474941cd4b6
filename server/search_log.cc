#include "server/search_log.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "lathe/v1/search_log.pb.h"
#include "server/evaluation_records.h"
#include "server/resource_names.h"

namespace lathe {
namespace {

constexpr size_t kScanStep = 1024;

v1::Candidate ToMessage(const CandidateRecord& record) {
  v1::Candidate candidate;
  candidate.set_index(record.index);
  if (record.slot) candidate.set_slot(*record.slot);
  if (record.duplicate_of) candidate.set_duplicate_of(*record.duplicate_of);
  if (record.rejected_by) {
    candidate.set_outcome(v1::Candidate::REJECTED);
    candidate.set_filter(std::string(kFilterNames[static_cast<size_t>(*record.rejected_by)]));
  }
  candidate.set_told(record.told);
  candidate.set_raw_text(record.raw_text);
  for (const Range& range : record.ranges) {
    v1::HyperRange& message = *candidate.add_hyper_ranges();
    message.set_low(range.low);
    message.set_high(range.high);
    message.set_low_included(range.low_included);
    message.set_high_included(range.high_included);
  }
  if (record.program) candidate.set_program(ProgramName(*record.program));
  candidate.mutable_parents()->Add(record.parents.begin(), record.parents.end());
  candidate.set_operation(record.operation);
  return candidate;
}

// Nothing if the message says what no record does.
std::optional<CandidateRecord> FromMessage(const v1::Candidate& candidate) {
  CandidateRecord record;
  record.index = candidate.index();
  if (candidate.has_slot()) record.slot = candidate.slot();
  if (candidate.has_duplicate_of()) record.duplicate_of = candidate.duplicate_of();
  if (!candidate.filter().empty()) {
    const auto filter = std::find(kFilterNames.begin(), kFilterNames.end(), candidate.filter());
    if (filter == kFilterNames.end()) return std::nullopt;
    record.rejected_by = static_cast<Filter>(filter - kFilterNames.begin());
  }
  record.told = candidate.told();
  record.raw_text = candidate.raw_text();
  for (const v1::HyperRange& range : candidate.hyper_ranges()) {
    record.ranges.push_back(
        {range.low(), range.high(), range.low_included(), range.high_included()});
  }
  if (!candidate.program().empty()) {
    const auto program = ParseProgramName(candidate.program(), "program");
    if (!program.ok()) return std::nullopt;
    record.program = *program;
  }
  record.parents.assign(candidate.parents().begin(), candidate.parents().end());
  record.operation = candidate.operation();
  return record;
}

v1::SlotOutcome ToMessage(const ToldSlot& told) {
  const Outcome& outcome = told.outcome;
  v1::SlotOutcome message;
  switch (outcome.kind) {
    case Outcome::Kind::kOk:
      message.set_outcome(v1::Candidate::OK);
      message.set_objective(outcome.objective);
      break;
    case Outcome::Kind::kDiverged: message.set_outcome(v1::Candidate::DIVERGED); break;
    case Outcome::Kind::kFailed: message.set_outcome(v1::Candidate::FAILED); break;
    case Outcome::Kind::kRejected: message.set_outcome(v1::Candidate::REJECTED); break;
    case Outcome::Kind::kStopped: message.set_outcome(v1::Candidate::STOPPED); break;
  }
  message.mutable_hurdle_scores()->Assign(told.hurdle_scores.begin(), told.hurdle_scores.end());
  return message;
}

std::optional<Outcome> OutcomeIn(const v1::SlotOutcome& message) {
  const int hurdles = message.hurdle_scores_size();
  switch (message.outcome()) {
    case v1::Candidate::OK: return Outcome::Ok(message.objective());
    case v1::Candidate::DIVERGED: return Outcome::Diverged();
    case v1::Candidate::FAILED: return Outcome::Failed();
    case v1::Candidate::STOPPED:
      if (hurdles == 0) return std::nullopt;
      return Outcome::Stopped(static_cast<size_t>(hurdles) - 1, message.hurdle_scores(hurdles - 1));
    default: return std::nullopt;
  }
}

std::optional<ToldSlot> FromMessage(const v1::SlotOutcome& message) {
  const std::optional<Outcome> outcome = OutcomeIn(message);
  if (!outcome) return std::nullopt;
  return ToldSlot{*outcome, {message.hurdle_scores().begin(), message.hurdle_scores().end()}};
}

// Calls visit(entry) for every entry with begin <= key < end, in order, until it fails.
template <typename Visit>
absl::Status ForEachEntry(const Store& store, Kind kind, std::string begin, const std::string& end,
                          const Visit& visit) {
  while (true) {
    const auto entries = store.Scan(kind, begin, end, kScanStep);
    if (!entries.ok()) return entries.status();
    for (const Store::Entry& entry : *entries) {
      if (absl::Status status = visit(entry); !status.ok()) return status;
    }
    if (entries->size() < kScanStep) return absl::OkStatus();
    begin = entries->back().first + '\0';
  }
}

absl::StatusOr<v1::SlotOutcome> ParseOutcome(const Store::Entry& entry) {
  v1::SlotOutcome message;
  if (!message.ParseFromString(entry.second)) return DamagedRecord(Kind::kOutcomes, entry.first);
  return message;
}

// The outcomes of a job's own search, as candidates ask for them in the order of their indices.
class OutcomesInOrder {
 public:
  OutcomesInOrder(const Store& store, JobId job) : store_(store), job_(job) {}

  // Nothing if the slot has not been told.
  absl::StatusOr<std::optional<v1::SlotOutcome>> Of(uint64_t slot) {
    if (slot < first_ || slot >= first_ + read_.size()) {
      const auto entries = store_.Scan(Kind::kOutcomes, OutcomeKey(job_, slot),
                                       OutcomeKey(job_, kMostCandidates), kScanStep / 4);
      if (!entries.ok()) return entries.status();
      first_ = slot;
      read_.clear();
      for (const Store::Entry& entry : *entries) {
        auto message = ParseOutcome(entry);
        if (!message.ok()) return message.status();
        read_.push_back(*std::move(message));
      }
      if (read_.empty()) return std::nullopt;
    }
    return read_[slot - first_];
  }

 private:
  const Store& store_;
  const JobId job_;
  uint64_t first_ = 0;  // slot of the first of those read
  std::vector<v1::SlotOutcome> read_;
};

}  // namespace

SearchLog::SearchLog(const Store& store, Metrics* metrics, JobId job, int search)
    : store_(store), metrics_(metrics), job_(job), search_(search) {}

void SearchLog::Proposed(const CandidateRecord& record, const CanonicalForm* form) {
  batch_.Put(Kind::kCandidates, CandidateKey(job_, record.index, search_),
             ToMessage(record).SerializeAsString());
  if (form != nullptr && !record.duplicate_of) PutProgram(*form, batch_);
  ++unwritten_;
  if (metrics_ == nullptr) return;
  metrics_->candidates_proposed.Increment();
  if (record.rejected_by) {
    metrics_->candidates_rejected[static_cast<size_t>(*record.rejected_by)]->Increment();
  }
  if (record.duplicate_of) metrics_->candidates_duplicate.Increment();
}

void SearchLog::Told(uint64_t slot, const ToldSlot& told) {
  batch_.Put(Kind::kOutcomes, OutcomeKey(job_, slot, search_), ToMessage(told).SerializeAsString());
  ++unwritten_;
  if (metrics_ == nullptr) return;
  metrics_->candidates_evaluated.Increment();
  const Outcome::Kind kind = told.outcome.kind;
  if (kind == Outcome::Kind::kDiverged) metrics_->candidates_diverged.Increment();
  if (kind == Outcome::Kind::kStopped) metrics_->candidates_stopped.Increment();
}

WriteBatch SearchLog::TakeUnwritten() {
  unwritten_ = 0;
  return std::exchange(batch_, {});
}

void SearchLog::PutCheckpoint(const Checkpoint& checkpoint, WriteBatch& batch) const {
  v1::SearchCheckpoint message;
  message.set_proposed(checkpoint.proposed);
  message.set_told(checkpoint.told);
  message.set_strategy(checkpoint.strategy);
  batch.Put(Kind::kCheckpoints, CheckpointKey(job_, search_), message.SerializeAsString());
}

absl::Status SearchLog::ForEachCandidate(const Visit& visit) const {
  return ForEachEntry(store_, Kind::kCandidates, CandidateKey(job_, 0, search_),
                      CandidateKey(job_, 0, search_ + 1),
                      [&](const Store::Entry& entry) -> absl::Status {
                        v1::Candidate message;
                        std::optional<CandidateRecord> record;
                        if (message.ParseFromString(entry.second)) record = FromMessage(message);
                        if (!record) return DamagedRecord(Kind::kCandidates, entry.first);
                        return visit(*record);
                      });
}

absl::StatusOr<CandidateRecord> SearchLog::Candidate(uint64_t index) const {
  const std::string key = CandidateKey(job_, index, search_);
  const auto bytes = store_.Get(Kind::kCandidates, key);
  if (!bytes.ok()) return bytes.status();
  v1::Candidate message;
  std::optional<CandidateRecord> record;
  if (*bytes && message.ParseFromString(**bytes)) record = FromMessage(message);
  if (!record) return DamagedRecord(Kind::kCandidates, key);
  return *std::move(record);
}

absl::StatusOr<std::vector<ToldSlot>> SearchLog::ToldSlots() const {
  std::vector<ToldSlot> slots;
  absl::Status status = ForEachEntry(
      store_, Kind::kOutcomes, OutcomeKey(job_, 0, search_), OutcomeKey(job_, 0, search_ + 1),
      [&](const Store::Entry& entry) -> absl::Status {
        const auto message = ParseOutcome(entry);
        if (!message.ok()) return message.status();
        std::optional<ToldSlot> told = FromMessage(*message);
        const bool next = entry.first == OutcomeKey(job_, slots.size(), search_);
        if (!told || !next) return DamagedRecord(Kind::kOutcomes, entry.first);
        slots.push_back(*std::move(told));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return slots;
}

absl::StatusOr<std::optional<Checkpoint>> SearchLog::ReadCheckpoint() const {
  const std::string key = CheckpointKey(job_, search_);
  const auto bytes = store_.Get(Kind::kCheckpoints, key);
  if (!bytes.ok()) return bytes.status();
  if (!*bytes) return std::nullopt;
  v1::SearchCheckpoint message;
  if (!message.ParseFromString(**bytes)) return DamagedRecord(Kind::kCheckpoints, key);
  return Checkpoint{message.proposed(), message.told(), message.strategy()};
}

absl::StatusOr<std::vector<v1::Candidate>> ReadCandidates(const Store& store, JobId job,
                                                          uint64_t first, size_t most) {
  const auto entries = store.Scan(Kind::kCandidates, CandidateKey(job, first),
                                  CandidateKey(job, kMostCandidates), most);
  if (!entries.ok()) return entries.status();
  OutcomesInOrder of_slots(store, job), of_duplicates(store, job);
  std::vector<v1::Candidate> candidates;
  for (const auto& [key, value] : *entries) {
    v1::Candidate candidate;
    if (!candidate.ParseFromString(value)) return DamagedRecord(Kind::kCandidates, key);
    // That of a rejected one is in its record, as are all in stores of schema version 1.
    if (candidate.outcome() == v1::Candidate::OUTCOME_UNSPECIFIED) {
      const auto outcome = candidate.has_slot() ? of_slots.Of(candidate.slot())
                                                : of_duplicates.Of(candidate.duplicate_of());
      if (!outcome.ok()) return outcome.status();
      if (!*outcome) break;
      candidate.set_outcome((*outcome)->outcome());
      candidate.set_objective((*outcome)->objective());
      *candidate.mutable_hurdle_scores() = (*outcome)->hurdle_scores();
    }
    candidate.set_name(CandidateName(job, candidate.index()));
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

void RemoveSearchLogs(JobId job, WriteBatch& batch) {
  const std::string begin = JobPrefix(job), end = EndOfPrefix(begin);
  for (Kind kind : {Kind::kCandidates, Kind::kOutcomes, Kind::kCheckpoints}) {
    batch.DeleteRange(kind, begin, end);
  }
}

}  // namespace lathe
