#include "search/evolution.h"

#include <limits>

#include "search/streams.h"

namespace lathe {

Evolution::Evolution(EvolutionOptions options) : options_(std::move(options)) {
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  std::vector<std::shared_ptr<const Program>> warm;
  for (const Program& program : options_.warm_start) {
    warm.push_back(std::make_shared<const Program>(program));
  }
  for (int i = 0; i < options_.population; ++i) {
    uint64_t index = i % warm.size();
    members_.push_back({index, kUnknown, warm[index]});
  }
}

std::variant<Proposal, Wait, Done> Evolution::Next(uint64_t index) {
  if (index < options_.warm_start.size()) {
    return Proposal{options_.warm_start[index], {}, "warm_start"};
  }
  RandomStream random(options_.seed, {streams::kProposal, index});
  const Member& parent = Tournament(random);
  Mutation mutation = Mutate(*parent.program, options_.mutation, random);
  return Proposal{std::move(mutation.program), {parent.index}, mutation.operation};
}

void Evolution::Tell(uint64_t index, const Program& program, const Outcome& outcome) {
  double objective = outcome.kind == Outcome::Kind::kOk ? outcome.objective
                                                        : std::numeric_limits<double>::infinity();
  if (index < options_.warm_start.size()) {
    // Its copies are members already.
    for (Member& member : members_) {
      if (member.index == index) member.objective = objective;
    }
    return;
  }
  members_.push_back({index, objective, std::make_shared<const Program>(program)});
  members_.pop_front();
}

const Evolution::Member& Evolution::Tournament(RandomStream& random) const {
  const Member* best = nullptr;
  for (int i = 0; i < options_.tournament; ++i) {
    const Member& drawn = members_[random.Below(members_.size())];
    bool better = best == nullptr || drawn.objective < best->objective ||
                  (drawn.objective == best->objective && drawn.index < best->index);
    if (better) best = &drawn;
  }
  return *best;
}

}  // namespace lathe
