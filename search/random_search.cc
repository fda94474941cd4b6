#include "search/random_search.h"

#include "search/streams.h"

namespace lathe {

std::variant<Proposal, Wait, Done> RandomSearch::Next(uint64_t index) {
  RandomStream random(seed_, {streams::kProposal, index});
  return Proposal{RandomProgram(signature_, space_, size_, random), {}, "random"};
}

}  // namespace lathe
