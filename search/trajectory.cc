#include "search/trajectory.h"

#include <algorithm>

#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {

Trajectory::Trajectory(TrajectoryOptions options, std::unique_ptr<Strategy> strategy,
                       Filters filters)
    : options_(std::move(options)), strategy_(std::move(strategy)), filters_(std::move(filters)) {}

Trajectory::Action Trajectory::Next() {
  while (true) {
    if (!to_start_.empty()) {
      const uint64_t slot = to_start_.front();
      to_start_.pop_front();
      return RequestFor(slot);
    }
    if (!done_) done_ = BudgetReached();
    if (done_) {
      while (TellOne()) {
      }
      if (!in_flight_.empty()) return Wait{};
      return *done_;
    }
    if (!TellUpToWindow()) return Wait{};
    auto next = strategy_->Next(counts_.proposed);
    if (std::holds_alternative<Wait>(next)) {
      // It wants to know more than the window asks for, and gets it slot by slot, in order.
      if (!TellOne()) return Wait{};
    } else if (Done* done = std::get_if<Done>(&next)) {
      done_ = std::move(*done);
    } else {
      Propose(std::get<Proposal>(std::move(next)));
    }
  }
}

void Trajectory::Complete(uint64_t slot, const EvaluationResult& result) {
  in_flight_[slot - counts_.evaluated].completed = OutcomeOf(result);
}

void Trajectory::Fail(uint64_t slot) {
  in_flight_[slot - counts_.evaluated].completed = Outcome::Failed();
}

void Trajectory::Stop(std::string reason) {
  if (!done_) done_ = BudgetReached();
  if (!done_) done_ = Done{std::move(reason)};
}

std::vector<const Trajectory::Winner*> Trajectory::Best(size_t most) const {
  std::vector<const Winner*> best;
  for (const Winner& winner : best_) {
    if (best.size() < most) best.push_back(&winner);
  }
  return best;
}

Checkpoint Trajectory::Save() const {
  return {counts_.proposed, counts_.evaluated, strategy_->Save()};
}

std::optional<Done> Trajectory::BudgetReached() const {
  if (options_.max_candidates > 0 && counts_.proposed >= options_.max_candidates) {
    return Done{"budget.candidates"};
  }
  if (options_.max_evaluations > 0 && counts_.slots >= options_.max_evaluations) {
    return Done{"budget.evaluations"};
  }
  if (without_slot_ >= options_.exhausted_after) return Done{"space_exhausted"};
  return std::nullopt;
}

void Trajectory::Propose(Proposal proposal) {
  CandidateRecord record;
  record.index = counts_.proposed;
  record.raw_text = Print(proposal.program);
  record.ranges = RangesOf(proposal.program);
  record.parents = std::move(proposal.parents);
  record.operation = std::string(proposal.operation);
  std::shared_ptr<const CanonicalForm> form;
  if (Verify(proposal.program).ok()) {
    form = std::make_shared<const CanonicalForm>(MakeCanonical(proposal.program));
    record.program = form->hash;
    const auto known = verdicts_.find(form->hash);
    const Verdict verdict = known == verdicts_.end() ? Judge(*form) : known->second;
    if (const Filter* filter = std::get_if<Filter>(&verdict)) {
      record.rejected_by = *filter;
    } else {
      (known == verdicts_.end() ? record.slot : record.duplicate_of) = std::get<uint64_t>(verdict);
    }
  } else {
    record.rejected_by = Filter::ill_formed;
  }
  Enter(std::move(record), std::move(form), std::move(proposal.program));
}

Trajectory::Verdict Trajectory::Judge(const CanonicalForm& form) {
  if (std::optional<Filter> filter = filters_.Judge(form.program)) return *filter;
  return counts_.slots;
}

void Trajectory::Enter(CandidateRecord record, std::shared_ptr<const CanonicalForm> form,
                       Program program) {
  if (!restoring_) record.told = counts_.evaluated;
  ++counts_.proposed;
  ++without_slot_;
  if (options_.log != nullptr && !restoring_) options_.log->Proposed(record, form.get());
  const uint64_t index = record.index;
  unhashed_.push_back({record, std::nullopt});
  if (record.rejected_by) {
    if (record.program) verdicts_.try_emplace(*record.program, *record.rejected_by);
    ++counts_.rejected[static_cast<size_t>(*record.rejected_by)];
    Resolve(index, Outcome::Rejected(*record.rejected_by));
  } else if (record.slot) {
    verdicts_.emplace(*record.program, *record.slot);
    without_slot_ = 0;
    ++counts_.slots;
    candidates_.push_back({index, std::nullopt});
    in_flight_.push_back({std::move(form), std::move(program), std::nullopt, {}});
    if (!restoring_) to_start_.push_back(*record.slot);
  } else {
    ++counts_.duplicates;
    Duplicate duplicate{index, *record.duplicate_of, std::move(program)};
    if (in_flight_.empty()) {
      TellDuplicate(duplicate);
    } else {
      in_flight_.back().told_after.push_back(std::move(duplicate));
    }
  }
}

Trajectory::Evaluate Trajectory::RequestFor(uint64_t slot) const {
  EvaluationRequest request;
  request.program = in_flight_[slot - counts_.evaluated].canonical;
  request.seeds = options_.evaluation_seeds;
  request.stop_at_divergence = true;
  return {slot, std::move(request)};
}

// Tells what must be told before the next slot can be proposed, and no more.
bool Trajectory::TellUpToWindow() {
  while (in_flight_.size() >= static_cast<size_t>(options_.window)) {
    if (!TellOne()) return false;
  }
  return true;
}

// The next slot, and the duplicates after it. Whether that could be told.
bool Trajectory::TellOne() {
  if (in_flight_.empty() || !in_flight_.front().completed) return false;
  const InFlight told = std::move(in_flight_.front());
  in_flight_.pop_front();
  const uint64_t slot = counts_.evaluated++;
  const Outcome outcome = *told.completed;
  Candidate& candidate = candidates_[slot];
  candidate.outcome = outcome;
  counts_.failed += outcome.kind == Outcome::Kind::kDiverged;
  counts_.broken += outcome.kind == Outcome::Kind::kFailed;
  KeepIfGood(slot, outcome, told.canonical);
  if (options_.log != nullptr && !restoring_) options_.log->Told(slot, outcome);
  strategy_->Tell(candidate.index, told.raw, outcome);
  Resolve(candidate.index, outcome);
  for (const Duplicate& duplicate : told.told_after) TellDuplicate(duplicate);
  return true;
}

void Trajectory::TellDuplicate(const Duplicate& duplicate) {
  // The slot it equals was given out before it, so it has been told by now.
  const Outcome outcome = *candidates_[duplicate.slot].outcome;
  strategy_->Tell(duplicate.index, duplicate.program, outcome);
  Resolve(duplicate.index, outcome);
}

// Whether it is one of the best so far.
bool Trajectory::IsGood(const Outcome& outcome) const {
  if (outcome.kind != Outcome::Kind::kOk) return false;
  return best_.size() < options_.keep_best || outcome.objective < best_.back().objective;
}

void Trajectory::KeepIfGood(uint64_t slot, const Outcome& outcome,
                            const std::shared_ptr<const CanonicalForm>& form) {
  if (!IsGood(outcome)) return;
  // Slots ascend with indices, so behind its equals it is in the order of indices.
  const auto place = std::upper_bound(
      best_.begin(), best_.end(), outcome.objective,
      [](double objective, const Winner& winner) { return objective < winner.objective; });
  best_.insert(place, {candidates_[slot].index, slot, outcome.objective, form});
  if (best_.size() > options_.keep_best) best_.pop_back();
}

void Trajectory::Resolve(uint64_t index, const Outcome& outcome) {
  unhashed_[index - unhashed_.front().record.index].outcome = outcome;
  HashResolved();
}

void Trajectory::HashResolved() {
  for (; !unhashed_.empty() && unhashed_.front().outcome; unhashed_.pop_front()) {
    const CandidateRecord& record = unhashed_.front().record;
    const Outcome& outcome = *unhashed_.front().outcome;
    hasher_.Number(record.index).Number(record.slot.has_value()).Number(record.slot.value_or(0));
    hasher_.Text(record.raw_text).Number(record.parents.size());
    for (uint64_t parent : record.parents) hasher_.Number(parent);
    hasher_.Text(record.operation).Number(static_cast<uint64_t>(outcome.kind));
    if (outcome.kind == Outcome::Kind::kRejected) {
      hasher_.Text(kFilterNames[static_cast<size_t>(outcome.filter)]);
    }
    if (outcome.kind == Outcome::Kind::kOk) hasher_.Real(outcome.objective);
  }
}

}  // namespace lathe
