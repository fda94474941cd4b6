#include "search/random_search.h"

#include <gtest/gtest.h>

#include <set>

#include "dsl/text.h"
#include "dsl/verify.h"

namespace lathe {
namespace {

constexpr uint64_t kCount = 2000;

RandomSearch Search(uint64_t seed, RandomProgramSize size = {}) {
  return {seed, OptimizerSignature(), SearchSpace::Default(OptimizerSignature()), size};
}

Proposal Next(RandomSearch& search, uint64_t index) {
  return std::get<Proposal>(search.Next(index));
}

TEST(RandomSearchTest, ProposalsAreWellFormedAndOfTheSizeAskedFor) {
  RandomProgramSize size{3, 6, 1};
  RandomSearch search = Search(1, size);
  std::set<size_t> lengths;
  for (uint64_t index = 0; index < kCount; ++index) {
    const Proposal proposal = Next(search, index);
    const std::string text = Print(proposal.program);
    ASSERT_TRUE(Verify(proposal.program).ok()) << "index " << index << "\n" << text;
    EXPECT_EQ(proposal.program.states.size(), 1u) << text;
    EXPECT_EQ(proposal.operation, "random");
    EXPECT_TRUE(proposal.parents.empty());
    lengths.insert(proposal.program.instructions.size());
  }
  EXPECT_EQ(lengths, (std::set<size_t>{3, 4, 5, 6}));
}

TEST(RandomSearchTest, AProposalFollowsFromSeedAndIndexAlone) {
  RandomSearch forward = Search(1), backward = Search(1);
  std::vector<std::string> texts;
  for (uint64_t index = 0; index < 100; ++index) {
    const Proposal proposal = Next(forward, index);
    texts.push_back(Print(proposal.program));
    forward.Tell(index, proposal.program, Outcome::Ok(1.0 / (1 + static_cast<double>(index))));
  }
  for (uint64_t index = 100; index-- > 0;) {
    EXPECT_EQ(Print(Next(backward, index).program), texts[index]) << index;
  }
}

// Neither at the same index nor at any other: near seeds are not one sequence that is shifted.
TEST(RandomSearchTest, SeedsShareNoProposal) {
  std::set<std::string> met;
  for (uint64_t seed : {1, 2, 3, 4, 1 << 20}) {
    RandomSearch search = Search(seed, {6, 16, 2});
    for (uint64_t index = 0; index < kCount; ++index) {
      const std::string text = Print(Next(search, index).program);
      EXPECT_TRUE(met.insert(text).second) << "seed " << seed << ", index " << index << "\n"
                                           << text;
    }
  }
}

}  // namespace
}  // namespace lathe
