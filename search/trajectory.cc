#include "search/trajectory.h"

#include <algorithm>

#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {

Trajectory::Trajectory(TrajectoryOptions options, std::unique_ptr<Strategy> strategy,
                       Filters filters)
    : options_(std::move(options)), strategy_(std::move(strategy)), filters_(std::move(filters)) {
  counts_.stopped.resize(options_.hurdles.size());
  hurdle_scores_.reserve(options_.hurdles.size());
  for (const HurdleOptions& hurdle : options_.hurdles) {
    hurdle_scores_.emplace_back(hurdle.keep, hurdle.window, hurdle.least);
  }
}

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
  InFlight& in_flight = in_flight_[slot - counts_.evaluated];
  if (in_flight.hurdle_scores.size() < options_.hurdles.size()) {
    in_flight.completed = AfterHurdle(in_flight, result);
    if (!in_flight.completed) to_start_.push_back(slot);
    return;
  }
  in_flight.own.insert(in_flight.own.end(), result.begin(), result.end());
  in_flight.completed = OutcomeOf(in_flight.own);
}

// Nothing if the candidate has passed.
std::optional<Outcome> Trajectory::AfterHurdle(InFlight& slot, const EvaluationResult& result) {
  const size_t hurdle = slot.hurdle_scores.size();
  const bool is_own = options_.hurdles[hurdle].arena == 0;
  if (is_own) slot.own.insert(slot.own.end(), result.begin(), result.end());
  const Outcome outcome = OutcomeOf(is_own ? slot.own : result);
  if (outcome.kind != Outcome::Kind::kOk) return outcome;
  slot.hurdle_scores.push_back(outcome.objective);
  if (outcome.objective <= slot.thresholds[hurdle]) return std::nullopt;
  return Outcome::Stopped(hurdle, outcome.objective);
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
    InFlight& slot = in_flight_.emplace_back();
    slot.canonical = std::move(form);
    slot.raw = std::move(program);
    slot.thresholds.reserve(hurdle_scores_.size());
    for (const HurdleScores& scores : hurdle_scores_) {
      slot.thresholds.push_back(scores.Threshold());
    }
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
  const InFlight& in_flight = in_flight_[slot - counts_.evaluated];
  EvaluationRequest request;
  request.program = in_flight.canonical;
  request.seeds = options_.evaluation_seeds;
  if (const size_t hurdle = in_flight.hurdle_scores.size(); hurdle < options_.hurdles.size()) {
    request.arena = options_.hurdles[hurdle].arena;
    request.seeds = options_.hurdles[hurdle].seeds;
  }
  if (request.arena == 0) {
    request.seeds.erase(request.seeds.begin(),
                        request.seeds.begin() + static_cast<std::ptrdiff_t>(in_flight.own.size()));
  }
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
  InFlight told = std::move(in_flight_.front());
  in_flight_.pop_front();
  const uint64_t slot = counts_.evaluated;
  const Outcome outcome = *told.completed;
  Candidate& candidate = candidates_[slot];
  candidate.outcome = outcome;
  const ToldSlot record = {outcome, std::move(told.hurdle_scores)};
  CountTold(record);
  AddHurdleScores(record);
  KeepIfGood(slot, outcome, told.canonical);
  if (options_.log != nullptr && !restoring_) options_.log->Told(slot, record);
  strategy_->Tell(candidate.index, told.raw, outcome);
  Resolve(candidate.index, outcome);
  for (const Duplicate& duplicate : told.told_after) TellDuplicate(duplicate);
  return true;
}

void Trajectory::CountTold(const ToldSlot& told) {
  ++counts_.evaluated;
  counts_.failed += told.outcome.kind == Outcome::Kind::kDiverged;
  counts_.broken += told.outcome.kind == Outcome::Kind::kFailed;
  if (told.outcome.kind == Outcome::Kind::kStopped) ++counts_.stopped[told.outcome.hurdle];
}

void Trajectory::AddHurdleScores(const ToldSlot& told) {
  for (size_t hurdle = 0; hurdle < told.hurdle_scores.size(); ++hurdle) {
    hurdle_scores_[hurdle].Add(told.hurdle_scores[hurdle]);
  }
  ++hurdles_know_;
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
    if (outcome.kind == Outcome::Kind::kStopped) {
      hasher_.Number(outcome.hurdle).Real(outcome.objective);
    }
  }
}

}  // namespace lathe
