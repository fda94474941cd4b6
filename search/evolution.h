// Regularized (aging) evolution: Real et al., "Regularized evolution for image classifier
// architecture search", AAAI 2019. The best of a few randomly drawn members is copied and mutated;
// the child enters the population when its outcome is told, and the oldest member leaves.
//
// Islands are populations that hardly meet: candidate i belongs to island i mod `islands`, and now
// and then its parent is drawn from the island before its own, in a ring.
#ifndef LATHE_SEARCH_EVOLUTION_H_
#define LATHE_SEARCH_EVOLUTION_H_

#include <deque>
#include <memory>
#include <vector>

#include "search/mutate.h"
#include "search/strategy.h"

namespace lathe {

struct EvolutionOptions {
  uint64_t seed = 1;
  int population = 300;  // of each island
  int tournament = 5;
  int islands = 1;
  // One in so many children of an island has its parent from the island before it; 0: none has.
  int migration_interval = 50;
  std::vector<Program> warm_start;  // not empty
  MutationOptions mutation;
};

class Evolution : public Strategy {
 public:
  // Every island starts as copies of the warm start, in turn.
  explicit Evolution(EvolutionOptions options);

  // The warm start itself first, then mutants.
  std::variant<Proposal, Wait, Done> Next(uint64_t index) override;
  void Tell(uint64_t index, const Program& program, const Outcome& outcome) override;
  // "1", then a line per member, island by island, the oldest first: its index and the bits of its
  // objective.
  std::string Save() const override;
  absl::Status Load(std::string_view saved, const RawProgram& raw) override;

 private:
  struct Member {
    uint64_t index;
    double objective;  // infinite if it diverged or is not known yet
    std::shared_ptr<const Program> program;
  };

  using Island = std::deque<Member>;  // the oldest first

  // From which the parent of a candidate is drawn.
  const Island& ParentsOf(uint64_t index) const;
  // The best of `tournament` members drawn with replacement; the lower index of equals.
  const Member& Tournament(const Island& island, RandomStream& random) const;

  EvolutionOptions options_;
  std::vector<Island> islands_;
};

}  // namespace lathe

#endif  // LATHE_SEARCH_EVOLUTION_H_
