// A trajectory out of its log.
#include "absl/strings/str_cat.h"
#include "search/trajectory.h"

namespace lathe {
namespace {

absl::Status Damaged(uint64_t index, std::string_view what) {
  return absl::DataLossError(absl::StrCat("the log of the search is damaged at candidate ", index,
                                          ": ", std::string(what)));
}

std::shared_ptr<const CanonicalForm> FormOf(const Program& program) {
  return std::make_shared<const CanonicalForm>(MakeCanonical(program));
}

}  // namespace

absl::StatusOr<Trajectory::Restored> Trajectory::Restore(
    const LogReader& log, const std::optional<Checkpoint>& checkpoint) {
  const absl::StatusOr<std::vector<Outcome>> outcomes = log.Outcomes();
  if (!outcomes.ok()) return outcomes.status();
  const uint64_t proposed = checkpoint ? checkpoint->proposed : 0;
  const uint64_t told = checkpoint ? checkpoint->told : 0;
  const auto load = [&]() -> absl::Status {
    if (counts_.proposed != proposed || counts_.evaluated != told) {
      return Damaged(counts_.proposed, "a checkpoint is not of this log");
    }
    if (!checkpoint) return absl::OkStatus();
    return strategy_->Load(checkpoint->strategy, [&](uint64_t index) -> absl::StatusOr<Program> {
      const auto record = log.Candidate(index);
      return record.ok() ? record->Raw() : record.status();
    });
  };
  if (told > outcomes->size()) return Damaged(proposed, "outcomes before a checkpoint are missing");
  restoring_ = true;
  absl::Status status = log.ForEachCandidate([&](const CandidateRecord& record) -> absl::Status {
    if (record.index != counts_.proposed) return Damaged(counts_.proposed, "it is missing");
    if (record.index < proposed) return ReadTold(record, *outcomes, told);
    absl::Status loaded = record.index == proposed ? load() : absl::OkStatus();
    if (loaded.ok()) loaded = TellUpTo(record);
    return loaded.ok() ? Replay(record, *outcomes) : loaded;
  });
  if (status.ok() && counts_.proposed <= proposed) status = load();
  while (status.ok() && counts_.evaluated < outcomes->size()) {
    if (!TellOne()) status = Damaged(counts_.proposed, "there are outcomes of later candidates");
  }
  restoring_ = false;
  if (!status.ok()) return status;
  for (uint64_t slot = counts_.evaluated; slot < counts_.slots; ++slot) to_start_.push_back(slot);
  return Restored{counts_.proposed, counts_.evaluated - told};
}

// A candidate before the checkpoint: the strategy knows what it was told of it.
absl::Status Trajectory::ReadTold(const CandidateRecord& record,
                                  const std::vector<Outcome>& outcomes, uint64_t told) {
  const bool slot_is_told = record.slot && *record.slot == counts_.slots && *record.slot < told;
  const bool duplicate_is_told =
      record.duplicate_of && *record.duplicate_of < counts_.slots && in_flight_.empty();
  if (!slot_is_told && !duplicate_is_told) return Replay(record, outcomes);
  ++counts_.proposed;
  const Outcome& outcome = outcomes[slot_is_told ? *record.slot : *record.duplicate_of];
  unhashed_.push_back({record, std::nullopt});
  if (slot_is_told) {
    if (!record.program) return Damaged(record.index, "it has a slot and no program");
    verdicts_.emplace(*record.program, *record.slot);
    without_slot_ = 0;
    ++counts_.slots;
    ++counts_.evaluated;
    candidates_.push_back({record.index, outcome});
    counts_.failed += outcome.kind == Outcome::Kind::kDiverged;
    counts_.broken += outcome.kind == Outcome::Kind::kFailed;
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

// What was told before a candidate after the checkpoint is told again.
absl::Status Trajectory::TellUpTo(const CandidateRecord& record) {
  while (counts_.evaluated < record.told && TellOne()) {
  }
  if (counts_.evaluated == record.told) return absl::OkStatus();
  return Damaged(record.index, "it does not follow from the outcomes before it");
}

// A candidate that is not resolved, or after the checkpoint, enters again.
absl::Status Trajectory::Replay(const CandidateRecord& record,
                                const std::vector<Outcome>& outcomes) {
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
  if (record.slot && *record.slot < outcomes.size()) {
    in_flight_.back().completed = outcomes[*record.slot];
  }
  return absl::OkStatus();
}

}  // namespace lathe
