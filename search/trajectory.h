// The sequence of candidates of one search, the same on every run: it asks a strategy for
// proposals, filters them, gives slots to what is new, and tells outcomes in order, whatever the
// order in which evaluations come back.
//
//   Trajectory trajectory(options, std::move(strategy), Filters(...));
//   while (true) {
//     Trajectory::Action action = trajectory.Next();
//     if (auto* evaluate = std::get_if<Trajectory::Evaluate>(&action)) ... start it ...
//     else if (std::holds_alternative<Wait>(action)) ... trajectory.Complete(slot, result) ...
//     else break;  // Done
//   }
//
// Slot s is proposed from the state in which exactly the slots up to s - window have been told, and
// as many more as a strategy asks for by answering Wait. A candidate whose canonical form was met
// before takes no slot: it shares the outcome of the first of its kind and is told right after the
// last slot with a smaller index. Not thread-safe.
#ifndef LATHE_SEARCH_TRAJECTORY_H_
#define LATHE_SEARCH_TRAJECTORY_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dsl/hash.h"
#include "search/filters.h"
#include "search/strategy.h"

namespace lathe {

// A proposal and what became of it.
struct CandidateRecord {
  uint64_t index = 0;
  std::optional<uint64_t> slot;
  std::string raw_text;
  std::shared_ptr<const CanonicalForm> canonical;  // null if it is ill-formed
  std::vector<uint64_t> parents;
  std::string operation;
  Outcome outcome;
};

struct TrajectoryOptions {
  int window = 32;
  uint64_t max_candidates = 0;   // proposals; 0: no bound
  uint64_t max_evaluations = 0;  // slots; 0: no bound
  std::vector<int> evaluation_seeds = {0, 1, 2, 3};
  uint64_t exhausted_after = 100000;  // proposals in a row that take no slot
  // Called with every candidate once its outcome is told, in index order, if it is set.
  std::function<void(const CandidateRecord&)> on_record;
};

class Trajectory {
 public:
  struct Evaluate {
    uint64_t slot;
    EvaluationRequest request;
  };
  using Action = std::variant<Evaluate, Wait, Done>;

  struct Counts {
    uint64_t proposed = 0;
    std::array<uint64_t, kFilterCount> rejected = {};
    uint64_t duplicates = 0;
    uint64_t slots = 0;      // given out
    uint64_t evaluated = 0;  // slots that have been told
    uint64_t failed = 0;     // of these, diverged
  };

  // A candidate that has a slot.
  struct Candidate {
    uint64_t index;
    std::shared_ptr<const CanonicalForm> canonical;
    std::optional<Outcome> outcome;  // once it is told
  };

  Trajectory(TrajectoryOptions options, std::unique_ptr<Strategy> strategy, Filters filters);

  Action Next();
  // The result of a slot that Next gave out; once per slot, in any order.
  void Complete(uint64_t slot, const EvaluationResult& result);

  const Counts& Count() const { return counts_; }
  const std::vector<Candidate>& Candidates() const { return candidates_; }  // by slot
  // Told candidates that did not diverge, the best first, at most `most`; equals by index. They
  // stay where they are until Next.
  std::vector<const Candidate*> Best(size_t most) const;
  // The first of Best, without looking for it; null if there is none.
  const Candidate* BestSoFar() const { return best_ ? &candidates_[*best_] : nullptr; }
  // Over all records in index order: index, slot, raw text, parents, operation, outcome. Complete
  // once Next has returned Done.
  Hash128 HashSoFar() const { return hasher_.Digest(); }

 private:
  // A proposal from when it is made until it is hashed.
  struct PendingRecord {
    CandidateRecord record;
    bool resolved = false;  // the outcome is told
  };

  // What is known of a canonical form: rejected, or the slot that scores it.
  using Verdict = std::variant<Filter, uint64_t>;

  struct PendingDuplicate {
    uint64_t index;
    uint64_t slot;  // whose outcome it shares
    Program program;
  };

  bool TellUpToWindow();
  std::optional<Done> BudgetReached() const;
  std::optional<Evaluate> Propose(Proposal proposal);
  Verdict JudgeNew(const std::shared_ptr<const CanonicalForm>& form);
  void TellSlot(uint64_t slot);
  void TellDuplicate(const PendingDuplicate& duplicate);
  void Resolve(uint64_t index, const Outcome& outcome);
  void HashResolved();
  void Hash(const CandidateRecord& record);

  TrajectoryOptions options_;
  std::unique_ptr<Strategy> strategy_;
  Filters filters_;
  Counts counts_;
  std::vector<Candidate> candidates_;
  std::vector<std::optional<Outcome>> completed_;          // by slot
  std::vector<std::shared_ptr<const Program>> raw_;        // by slot, until it is told
  std::vector<std::vector<PendingDuplicate>> told_after_;  // by slot
  std::unordered_map<std::string, Verdict> verdicts_;      // by canonical text
  std::deque<PendingRecord> records_;                      // not hashed yet, by index
  std::optional<uint64_t> best_;                           // slot
  uint64_t told_ = 0;                                      // slots told so far
  uint64_t without_slot_ = 0;                              // proposals in a row
  std::optional<Done> done_;
  FieldHasher hasher_;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_TRAJECTORY_H_
