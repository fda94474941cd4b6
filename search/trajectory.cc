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
    if (!done_) done_ = BudgetReached();
    if (done_) {
      while (told_ < counts_.slots) {
        if (!completed_[told_]) return Wait{};
        TellSlot(told_++);
      }
      return *done_;
    }
    if (!TellUpToWindow()) return Wait{};
    auto next = strategy_->Next(counts_.proposed);
    if (std::holds_alternative<Wait>(next)) {
      // It wants to know more than the window asks for, and gets it slot by slot, in order.
      if (told_ == counts_.slots || !completed_[told_]) return Wait{};
      TellSlot(told_++);
      continue;
    }
    if (Done* done = std::get_if<Done>(&next)) {
      done_ = std::move(*done);
      continue;
    }
    if (auto evaluate = Propose(std::get<Proposal>(std::move(next)))) return *std::move(evaluate);
  }
}

void Trajectory::Complete(uint64_t slot, const EvaluationResult& result) {
  completed_[slot] = OutcomeOf(result);
}

std::vector<const Trajectory::Candidate*> Trajectory::Best(size_t most) const {
  std::vector<const Candidate*> best;
  for (const Candidate& candidate : candidates_) {
    if (candidate.outcome && candidate.outcome->kind == Outcome::Kind::kOk)
      best.push_back(&candidate);
  }
  // Slots ascend with indices, so a stable sort leaves equals in the order of their indices.
  std::stable_sort(best.begin(), best.end(), [](const Candidate* a, const Candidate* b) {
    return a->outcome->objective < b->outcome->objective;
  });
  if (best.size() > most) best.resize(most);
  return best;
}

// Tells what must be told before the next slot can be proposed, and no more.
bool Trajectory::TellUpToWindow() {
  while (told_ + options_.window <= counts_.slots) {
    if (!completed_[told_]) return false;
    TellSlot(told_++);
  }
  return true;
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

std::optional<Trajectory::Evaluate> Trajectory::Propose(Proposal proposal) {
  uint64_t index = counts_.proposed++;
  ++without_slot_;
  records_.push_back({{index,
                       std::nullopt,
                       Print(proposal.program),
                       nullptr,
                       std::move(proposal.parents),
                       std::string(proposal.operation),
                       {}}});
  auto reject = [&](Filter filter) {
    ++counts_.rejected[static_cast<size_t>(filter)];
    Resolve(index, Outcome::Rejected(filter));
    return std::nullopt;
  };
  if (!Verify(proposal.program).ok()) return reject(Filter::ill_formed);
  auto form = std::make_shared<const CanonicalForm>(MakeCanonical(proposal.program));
  records_.back().record.canonical = form;
  auto known = verdicts_.find(form->text);
  const bool is_new = known == verdicts_.end();
  if (is_new) known = verdicts_.emplace(form->text, JudgeNew(form)).first;
  if (Filter* filter = std::get_if<Filter>(&known->second)) return reject(*filter);
  uint64_t slot = std::get<uint64_t>(known->second);
  if (!is_new) {
    ++counts_.duplicates;
    PendingDuplicate duplicate{index, slot, std::move(proposal.program)};
    if (told_ == counts_.slots) {
      TellDuplicate(duplicate);
    } else {
      told_after_.back().push_back(std::move(duplicate));
    }
    return std::nullopt;
  }
  without_slot_ = 0;
  records_.back().record.slot = slot;
  candidates_.push_back({index, form, std::nullopt});
  completed_.emplace_back();
  raw_.push_back(std::make_shared<const Program>(std::move(proposal.program)));
  told_after_.emplace_back();
  ++counts_.slots;
  EvaluationRequest request;
  request.program = std::move(form);
  request.seeds = options_.evaluation_seeds;
  request.stop_at_divergence = true;
  return Evaluate{slot, std::move(request)};
}

Trajectory::Verdict Trajectory::JudgeNew(const std::shared_ptr<const CanonicalForm>& form) {
  if (std::optional<Filter> filter = filters_.Judge(form->program)) return *filter;
  return counts_.slots;
}

void Trajectory::TellSlot(uint64_t slot) {
  const Outcome outcome = *completed_[slot];
  Candidate& candidate = candidates_[slot];
  candidate.outcome = outcome;
  ++counts_.evaluated;
  counts_.failed += outcome.kind == Outcome::Kind::kDiverged;
  if (outcome.kind == Outcome::Kind::kOk &&
      (!best_ || outcome.objective < candidates_[*best_].outcome->objective)) {
    best_ = slot;
  }
  strategy_->Tell(candidate.index, *raw_[slot], outcome);
  raw_[slot].reset();
  Resolve(candidate.index, outcome);
  for (const PendingDuplicate& duplicate : told_after_[slot]) TellDuplicate(duplicate);
  told_after_[slot].clear();
}

void Trajectory::TellDuplicate(const PendingDuplicate& duplicate) {
  // The slot it equals was given out before it, so it has been told by now.
  const Outcome outcome = *candidates_[duplicate.slot].outcome;
  strategy_->Tell(duplicate.index, duplicate.program, outcome);
  Resolve(duplicate.index, outcome);
}

void Trajectory::Resolve(uint64_t index, const Outcome& outcome) {
  PendingRecord& pending = records_[index - records_.front().record.index];
  pending.record.outcome = outcome;
  pending.resolved = true;
  HashResolved();
}

void Trajectory::HashResolved() {
  while (!records_.empty() && records_.front().resolved) {
    const CandidateRecord& record = records_.front().record;
    Hash(record);
    if (options_.on_record) options_.on_record(record);
    records_.pop_front();
  }
}

void Trajectory::Hash(const CandidateRecord& record) {
  hasher_.Number(record.index).Number(record.slot.has_value()).Number(record.slot.value_or(0));
  hasher_.Text(record.raw_text).Number(record.parents.size());
  for (uint64_t parent : record.parents) hasher_.Number(parent);
  const Outcome& outcome = record.outcome;
  hasher_.Text(record.operation).Number(static_cast<uint64_t>(outcome.kind));
  if (outcome.kind == Outcome::Kind::kRejected) {
    hasher_.Text(kFilterNames[static_cast<size_t>(outcome.filter)]);
  }
  if (outcome.kind == Outcome::Kind::kOk) hasher_.Real(outcome.objective);
}

}  // namespace lathe
