// A trajectory out of its log.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "search/trajectory.h"

namespace lathe {
namespace {

absl::Status Damaged(uint64_t index, std::string_view what) {
  return absl::DataLossError(absl::StrCat("the log of the search is damaged at candidate ", index,
                                          ": ", std::string(what)));
}

// Whether the slots met no more hurdles than there are.
absl::Status CheckHurdles(const std::vector<ToldSlot>& slots, size_t hurdles) {
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    const ToldSlot& told = slots[slot];
    const bool stopped = told.outcome.kind == Outcome::Kind::kStopped;
    if (told.hurdle_scores.size() <= hurdles && (!stopped || told.outcome.hurdle < hurdles)) {
      continue;
    }
    return absl::DataLossError(absl::StrCat("the log of the search is damaged at slot ", slot,
                                            ": it met hurdles that the job does not have"));
  }
  return absl::OkStatus();
}

std::shared_ptr<const CanonicalForm> FormOf(const Program& program) {
  return std::make_shared<const CanonicalForm>(MakeCanonical(program));
}

}  // namespace

absl::StatusOr<Trajectory::Restored> Trajectory::Restore(
    const LogReader& log, const std::optional<Checkpoint>& checkpoint) {
  const absl::StatusOr<std::vector<ToldSlot>> slots = log.ToldSlots();
  if (!slots.ok()) return slots.status();
  if (absl::Status status = CheckHurdles(*slots, options_.hurdles.size()); !status.ok()) {
    return status;
  }
  const uint64_t proposed = checkpoint ? checkpoint->proposed : 0;
  const uint64_t told = checkpoint ? checkpoint->told : 0;
  const auto load = [&]() -> absl::Status {
    if (counts_.proposed != proposed || counts_.evaluated != told) {
      return Damaged(counts_.proposed, "a checkpoint is not of this log");
    }
    AddHurdleScoresUpTo(told, *slots);
    if (!checkpoint) return absl::OkStatus();
    return strategy_->Load(checkpoint->strategy, [&](uint64_t index) -> absl::StatusOr<Program> {
      const auto record = log.Candidate(index);
      return record.ok() ? record->Raw() : record.status();
    });
  };
  if (told > slots->size()) return Damaged(proposed, "outcomes before a checkpoint are missing");
  restoring_ = true;
  absl::Status status = log.ForEachCandidate([&](const CandidateRecord& record) -> absl::Status {
    if (record.index != counts_.proposed) return Damaged(counts_.proposed, "it is missing");
    if (record.index < proposed) return ReadTold(record, *slots, told);
    absl::Status loaded = record.index == proposed ? load() : absl::OkStatus();
    if (loaded.ok()) loaded = TellUpTo(record);
    return loaded.ok() ? Replay(record, *slots) : loaded;
  });
  if (status.ok() && counts_.proposed <= proposed) status = load();
  while (status.ok() && counts_.evaluated < slots->size()) {
    if (!TellOne()) status = Damaged(counts_.proposed, "there are outcomes of later candidates");
  }
  restoring_ = false;
  if (!status.ok()) return status;
  for (uint64_t slot = counts_.evaluated; slot < counts_.slots; ++slot) to_start_.push_back(slot);
  return Restored{counts_.proposed, counts_.evaluated - told};
}

// A candidate before the checkpoint: the strategy knows what it was told of it.
absl::Status Trajectory::ReadTold(const CandidateRecord& record, const std::vector<ToldSlot>& slots,
                                  uint64_t told) {
  AddHurdleScoresUpTo(std::min(record.told, told), slots);
  const bool slot_is_told = record.slot && *record.slot == counts_.slots && *record.slot < told;
  const bool duplicate_is_told =
      record.duplicate_of && *record.duplicate_of < counts_.slots && in_flight_.empty();
  if (!slot_is_told && !duplicate_is_told) return Replay(record, slots);
  ++counts_.proposed;
  const ToldSlot& known = slots[slot_is_told ? *record.slot : *record.duplicate_of];
  const Outcome& outcome = known.outcome;
  unhashed_.push_back({record, std::nullopt});
  if (slot_is_told) {
    if (!record.program) return Damaged(record.index, "it has a slot and no program");
    verdicts_.emplace(*record.program, *record.slot);
    without_slot_ = 0;
    ++counts_.slots;
    CountTold(known);
    candidates_.push_back({record.index, outcome});
    if (IsGood(outcome)) {
      const absl::StatusOr<Program> program = record.Raw();
      if (!program.ok()) return program.status();
      KeepIfGood(*record.slot, outcome, FormOf(*program));
    }
  } else {
    ++counts_.duplicates;
    ++without_slot_;
  }
  Resolve(record.index, outcome);
  return absl::OkStatus();
}

// The thresholds that a candidate met are those of what had been told when it was proposed.
void Trajectory::AddHurdleScoresUpTo(uint64_t told, const std::vector<ToldSlot>& slots) {
  while (hurdles_know_ < told) AddHurdleScores(slots[hurdles_know_]);
}

// What was told before a candidate after the checkpoint is told again.
absl::Status Trajectory::TellUpTo(const CandidateRecord& record) {
  while (counts_.evaluated < record.told && TellOne()) {
  }
  if (counts_.evaluated == record.told) return absl::OkStatus();
  return Damaged(record.index, "it does not follow from the outcomes before it");
}

// A candidate that is not resolved, or after the checkpoint, enters again.
absl::Status Trajectory::Replay(const CandidateRecord& record, const std::vector<ToldSlot>& slots) {
  const bool follows = record.slot           ? *record.slot == counts_.slots && record.program
                       : record.duplicate_of ? *record.duplicate_of < counts_.slots
                                             : record.rejected_by.has_value();
  if (!follows) return Damaged(record.index, "it does not follow from what is before it");
  Program program;
  if (!record.rejected_by) {
    absl::StatusOr<Program> raw = record.Raw();
    if (!raw.ok()) return raw.status();
    program = *std::move(raw);
  }
  const auto form = record.slot ? FormOf(program) : nullptr;
  Enter(record, form, std::move(program));
  if (record.slot && *record.slot < slots.size()) {
    in_flight_.back().completed = slots[*record.slot].outcome;
    in_flight_.back().hurdle_scores = slots[*record.slot].hurdle_scores;
  }
  return absl::OkStatus();
}

}  // namespace lathe
