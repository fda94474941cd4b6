// Regularized (aging) evolution: Real et al., "Regularized evolution for image classifier
// architecture search", AAAI 2019. The best of a few randomly drawn members is copied and mutated;
// the child enters the population when its outcome is told, and the oldest member leaves.
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
  int population = 300;
  int tournament = 5;
  std::vector<Program> warm_start;  // not empty
  MutationOptions mutation;
};

class Evolution : public Strategy {
 public:
  // The population starts as copies of the warm start, in turn.
  explicit Evolution(EvolutionOptions options);

  // The warm start itself first, then mutants.
  std::variant<Proposal, Wait, Done> Next(uint64_t index) override;
  void Tell(uint64_t index, const Program& program, const Outcome& outcome) override;
  // "1", then a line per member, the oldest first: its index and the bits of its objective.
  std::string Save() const override;
  absl::Status Load(std::string_view saved, const RawProgram& raw) override;

 private:
  struct Member {
    uint64_t index;
    double objective;  // infinite if it diverged or is not known yet
    std::shared_ptr<const Program> program;
  };

  // The best of `tournament` members drawn with replacement; the lower index of equals.
  const Member& Tournament(RandomStream& random) const;

  EvolutionOptions options_;
  std::deque<Member> members_;  // the oldest first
};

}  // namespace lathe

#endif  // LATHE_SEARCH_EVOLUTION_H_
