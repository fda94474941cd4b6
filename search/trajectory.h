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
// last slot with a smaller index. Canonical forms are told apart by the 128-bit hash of their text,
// which stands for it here: the texts of ten million candidates are too much to keep.
//
// What has been proposed and told is a log (search/log.h). A trajectory that is restored from it
// goes on as the one that wrote it would have. Not thread-safe.
#ifndef LATHE_SEARCH_TRAJECTORY_H_
#define LATHE_SEARCH_TRAJECTORY_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dsl/hash.h"
#include "search/filters.h"
#include "search/hurdle.h"
#include "search/log.h"
#include "search/strategy.h"

namespace lathe {

// Raised when the same spec and seed give another trajectory than before: a search that an earlier
// version began cannot be gone on with.
inline constexpr int kEngineVersion = 1;

struct TrajectoryOptions {
  int window = 32;
  uint64_t max_candidates = 0;   // proposals; 0: no bound
  uint64_t max_evaluations = 0;  // slots; 0: no bound
  std::vector<int> evaluation_seeds = {0, 1, 2, 3};
  std::vector<HurdleOptions> hurdles;  // in the order in which a candidate meets them; at most 256
  uint64_t exhausted_after = 100000;   // proposals in a row that take no slot
  size_t keep_best = 64;               // candidates whose canonical form is kept; at least 1
  LogWriter* log = nullptr;            // hears of all that happens, if there is one; outlives it
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
    uint64_t broken = 0;     // of these, not evaluated for a reason that lies with the machines
    std::vector<uint64_t> stopped;  // of these, at each hurdle
  };

  // A candidate that has a slot.
  struct Candidate {
    uint64_t index;
    std::optional<Outcome> outcome;  // once it is told
  };

  // A told candidate that did not diverge, and one of the best.
  struct Winner {
    uint64_t index;
    uint64_t slot;
    double objective;
    std::shared_ptr<const CanonicalForm> canonical;
  };

  Trajectory(TrajectoryOptions options, std::unique_ptr<Strategy> strategy, Filters filters);

  // Before anything else: takes up what a trajectory with the same options wrote. From `checkpoint`
  // on outcomes are told again; without one all are. Nothing is proposed anew. Data loss if the log
  // has gaps or does not fit the checkpoint; the trajectory is of no use then.
  struct Restored {
    uint64_t candidates = 0;  // in the log
    uint64_t retold = 0;      // outcomes that the strategy was told again
  };
  absl::StatusOr<Restored> Restore(const LogReader& log,
                                   const std::optional<Checkpoint>& checkpoint);
  // Of all that the log writer has heard of so far.
  Checkpoint Save() const;

  Action Next();
  // The result of an evaluation that Next gave out, or that the machines could not run it; once for
  // each, in any order. Next may then give out another one of the same slot: what follows a hurdle.
  void Complete(uint64_t slot, const EvaluationResult& result);
  void Fail(uint64_t slot);
  // Proposes nothing more. What was proposed is still evaluated and told, then Next is done, with
  // this reason. Nothing happens if it has an end already.
  void Stop(std::string reason);

  const Counts& Count() const { return counts_; }
  const std::vector<Candidate>& Candidates() const { return candidates_; }  // by slot
  // The best first, at most `most` and at most options.keep_best; equals by index. They stay where
  // they are until Next.
  std::vector<const Winner*> Best(size_t most) const;
  // The first of Best; null if there is none.
  const Winner* BestSoFar() const { return best_.empty() ? nullptr : &best_[0]; }
  // Over all candidates in index order: index, slot, raw text, parents, operation, outcome.
  // Complete once Next has returned Done.
  Hash128 HashSoFar() const { return hasher_.Digest(); }

 private:
  // A candidate from when it is proposed until it is hashed.
  struct Unhashed {
    CandidateRecord record;
    std::optional<Outcome> outcome;
  };

  // What is known of a canonical form: rejected, or the slot that scores it.
  using Verdict = std::variant<Filter, uint64_t>;
  struct ByHash {
    size_t operator()(const Hash128& hash) const { return hash.low; }
  };

  struct Duplicate {
    uint64_t index;
    uint64_t slot;  // whose outcome it shares
    Program program;
  };

  // A slot from when it is given out until it is told.
  struct InFlight {
    std::shared_ptr<const CanonicalForm> canonical;
    Program raw;
    std::vector<double> thresholds;  // of the hurdles, when it was proposed
    std::vector<double> hurdle_scores;
    EvaluationResult own;  // the search's own seeds that hurdles have scored
    std::optional<Outcome> completed;
    std::vector<Duplicate> told_after;
  };

  void Propose(Proposal proposal);
  Verdict Judge(const CanonicalForm& form);
  // Counts a candidate and takes its slot, or its place among the duplicates. All but `told` of the
  // record is set.
  void Enter(CandidateRecord record, std::shared_ptr<const CanonicalForm> form, Program program);
  std::optional<Done> BudgetReached() const;
  bool TellUpToWindow();
  bool TellOne();
  void TellDuplicate(const Duplicate& duplicate);
  bool IsGood(const Outcome& outcome) const;
  void KeepIfGood(uint64_t slot, const Outcome& outcome,
                  const std::shared_ptr<const CanonicalForm>& form);
  void Resolve(uint64_t index, const Outcome& outcome);
  void HashResolved();
  Evaluate RequestFor(uint64_t slot) const;
  std::optional<Outcome> AfterHurdle(InFlight& slot, const EvaluationResult& result);
  void CountTold(const ToldSlot& told);
  void AddHurdleScores(const ToldSlot& told);

  absl::Status ReadTold(const CandidateRecord& record, const std::vector<ToldSlot>& slots,
                        uint64_t told);
  void AddHurdleScoresUpTo(uint64_t told, const std::vector<ToldSlot>& slots);
  absl::Status TellUpTo(const CandidateRecord& record);
  absl::Status Replay(const CandidateRecord& record, const std::vector<ToldSlot>& slots);

  TrajectoryOptions options_;
  std::unique_ptr<Strategy> strategy_;
  Filters filters_;
  Counts counts_;
  std::vector<Candidate> candidates_;
  std::deque<InFlight> in_flight_;                          // from slot `counts_.evaluated` on
  std::deque<uint64_t> to_start_;                           // slots that Next is to hand out
  absl::flat_hash_map<Hash128, Verdict, ByHash> verdicts_;  // by hash of the canonical text
  std::deque<Unhashed> unhashed_;                           // by index
  std::vector<Winner> best_;                                // in order
  std::vector<HurdleScores> hurdle_scores_;                 // of what has been told
  uint64_t hurdles_know_ = 0;                               // slots, of which they are
  uint64_t without_slot_ = 0;                               // proposals in a row
  bool restoring_ = false;
  std::optional<Done> done_;
  FieldHasher hasher_;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_TRAJECTORY_H_
