#include "search/evolution.h"

#include <gtest/gtest.h>

#include <set>

#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

EvolutionOptions Options(uint64_t seed = 1, std::vector<std::string> warm = {"adamw_warm_start"}) {
  EvolutionOptions options;
  options.seed = seed;
  options.population = 10;
  options.tournament = 3;
  for (const std::string& name : warm) options.warm_start.push_back(*KnownProgram(name));
  options.mutation.space = SearchSpace::Default(OptimizerSignature());
  return options;
}

Proposal Next(Evolution& evolution, uint64_t index) {
  return std::get<Proposal>(evolution.Next(index));
}

TEST(EvolutionTest, ProposesTheWarmStartFirst) {
  Evolution evolution(Options(1, {"lion", "sgd"}));
  for (uint64_t i = 0; i < 2; ++i) {
    const Proposal proposal = Next(evolution, i);
    EXPECT_EQ(proposal.program, *KnownProgram(i == 0 ? "lion" : "sgd"));
    EXPECT_EQ(proposal.operation, "warm_start");
    EXPECT_TRUE(proposal.parents.empty());
  }
  EXPECT_EQ(Next(evolution, 2).parents.size(), 1u);
}

TEST(EvolutionTest, TheBestOfTheDrawnBecomesTheParentAndTheLowerIndexOfEquals) {
  EvolutionOptions options = Options();
  options.population = 4;
  options.tournament = 200;  // draws everybody
  Evolution evolution(options);
  evolution.Tell(0, options.warm_start[0], Outcome::Ok(0.5));
  EXPECT_EQ(Next(evolution, 1).parents[0], 0u);
  evolution.Tell(1, options.warm_start[0], Outcome::Ok(0.7));
  EXPECT_EQ(Next(evolution, 2).parents[0], 0u);
  evolution.Tell(2, options.warm_start[0], Outcome::Ok(0.5));
  EXPECT_EQ(Next(evolution, 3).parents[0], 0u);
  evolution.Tell(3, options.warm_start[0], Outcome::Ok(0.3));
  EXPECT_EQ(Next(evolution, 4).parents[0], 3u);
  evolution.Tell(4, options.warm_start[0], Outcome::Diverged());
  EXPECT_EQ(Next(evolution, 5).parents[0], 3u);
}

TEST(EvolutionTest, TheOldestLeavesHoweverGoodItIs) {
  EvolutionOptions options = Options();
  options.population = 4;
  options.tournament = 200;
  Evolution evolution(options);
  evolution.Tell(0, options.warm_start[0], Outcome::Ok(0.9));
  evolution.Tell(1, options.warm_start[0], Outcome::Ok(0.1));
  for (uint64_t index = 2; index <= 4; ++index) {
    EXPECT_EQ(Next(evolution, index).parents[0], 1u) << index;
    evolution.Tell(index, options.warm_start[0], Outcome::Ok(0.9 + 0.01 * index));
  }
  EXPECT_EQ(Next(evolution, 5).parents[0], 1u);  // members 1, 2, 3, 4
  evolution.Tell(5, options.warm_start[0], Outcome::Ok(0.95));
  EXPECT_EQ(Next(evolution, 6).parents[0], 2u);  // members 2, 3, 4, 5
}

TEST(EvolutionTest, AMutantThatDivergedIsNoParentWhileOthersAreDrawn) {
  EvolutionOptions options = Options();
  options.population = 3;
  options.tournament = 200;
  Evolution evolution(options);
  evolution.Tell(0, options.warm_start[0], Outcome::Diverged());
  evolution.Tell(1, options.warm_start[0], Outcome::Diverged());
  evolution.Tell(2, options.warm_start[0], Outcome::Ok(1e6));
  EXPECT_EQ(Next(evolution, 3).parents[0], 2u);
}

// With a window, children are proposed before the warm start is told.
TEST(EvolutionTest, AWarmStartThatIsToldLateTakesItsPlaceAmongItsChildren) {
  EvolutionOptions options = Options(1, {"lion", "sgd"});
  options.population = 4;  // 0, 1, 0, 1
  options.tournament = 200;
  Evolution evolution(options);
  EXPECT_EQ(Next(evolution, 2).parents[0], 0u) << "nothing is known: the lower index";
  evolution.Tell(0, options.warm_start[0], Outcome::Ok(0.5));
  EXPECT_EQ(Next(evolution, 3).parents[0], 0u) << "what is known is better than what is not";
  evolution.Tell(1, options.warm_start[1], Outcome::Ok(0.4));
  EXPECT_EQ(Next(evolution, 4).parents[0], 1u);
  evolution.Tell(2, options.warm_start[1], Outcome::Ok(0.6));  // 1, 0, 1, 2
  EXPECT_EQ(Next(evolution, 5).parents[0], 1u) << "telling the warm start made nobody leave";
  evolution.Tell(3, options.warm_start[1], Outcome::Ok(0.6));  // 0, 1, 2, 3
  evolution.Tell(4, options.warm_start[1], Outcome::Ok(0.6));  // 1, 2, 3, 4
  EXPECT_EQ(Next(evolution, 6).parents[0], 1u);
  evolution.Tell(5, options.warm_start[1], Outcome::Ok(0.55));  // 2, 3, 4, 5
  EXPECT_EQ(Next(evolution, 7).parents[0], 5u);
}

// A filter rejected the first of two: it is never told, and its copies leave like any other.
TEST(EvolutionTest, AWarmStartThatIsNeverToldIsNoParentOnceOthersAreKnown) {
  EvolutionOptions options = Options(1, {"lion", "sgd"});
  options.population = 4;
  options.tournament = 200;
  Evolution evolution(options);
  evolution.Tell(1, options.warm_start[1], Outcome::Ok(3));
  for (uint64_t index = 2; index < 6; ++index) EXPECT_EQ(Next(evolution, index).parents[0], 1u);
}

TEST(EvolutionTest, AProposalIsOneMutationAwayFromTheParentItNames) {
  Evolution evolution(Options(4));
  std::vector<Program> programs;
  for (uint64_t index = 0; index < 300; ++index) {
    const Proposal proposal = Next(evolution, index);
    programs.push_back(proposal.program);
    evolution.Tell(index, proposal.program,
                   Outcome::Ok(SyntheticUniform(Print(proposal.program), 0, 0, 0, 0)));
    if (index == 0) continue;
    ASSERT_EQ(proposal.parents.size(), 1u);
    ASSERT_LT(proposal.parents[0], index);
    const Program& parent = programs[proposal.parents[0]];
    const int grown = proposal.operation == "insert" ? 1 : proposal.operation == "delete" ? -1 : 0;
    EXPECT_EQ(proposal.program.instructions.size(), parent.instructions.size() + grown)
        << "index " << index << ", " << proposal.operation << "\n"
        << Print(parent) << Print(proposal.program);
  }
}

// Proposals of a search whose outcomes follow from the programs.
std::vector<std::string> Texts(uint64_t seed, uint64_t count) {
  Evolution evolution(Options(seed));
  std::vector<std::string> texts;
  for (uint64_t index = 0; index < count; ++index) {
    const Proposal proposal = Next(evolution, index);
    texts.push_back(Print(proposal.program));
    evolution.Tell(index, proposal.program,
                   Outcome::Ok(SyntheticUniform(texts.back(), 0, 0, 0, 0)));
  }
  return texts;
}

TEST(EvolutionTest, OneSeedOneSequence) {
  EXPECT_EQ(Texts(7, 300), Texts(7, 300));
}

// Seeds that are near to each other must not be one stream that is shifted or scaled.
TEST(EvolutionTest, SeedsShareNothing) {
  EvolutionOptions options = Options();
  std::set<std::string> met;
  size_t repeated = 0, all = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    options.seed = seed;
    Evolution evolution(options);
    std::set<std::string> own;
    for (uint64_t index = 1; index <= 400; ++index) {
      const Mutation m = {Next(evolution, index).program, ""};
      // Constants from N(0, 1) or its powers of two: a shared draw would be a shared number.
      ForEachOperand(m.program, [&](const Operand& operand) {
        if (operand.IsConstant()) own.insert(NumberText(operand.constant));
      });
    }
    for (const std::string& number : own) repeated += !met.insert(number).second;
    all += own.size();
  }
  // What the warm start itself has: 0.9, 0.999, 0.01, 0.001.
  EXPECT_LE(repeated, 8u);
  EXPECT_GT(all, 150u);
}

// Neither at the same index nor shifted by a few: some deletions of the warm start agree by chance.
TEST(EvolutionTest, SeedsDoNotProposeTheSame) {
  constexpr uint64_t kCount = 300;
  const std::vector<std::string> texts[] = {Texts(1, kCount), Texts(2, kCount), Texts(3, kCount)};
  for (const auto& [a, b] : {std::pair(0, 1), std::pair(1, 2), std::pair(0, 2)}) {
    for (int shift = -3; shift <= 3; ++shift) {
      int same = 0;
      for (uint64_t i = 4; i + 4 < kCount; ++i) same += texts[a][i] == texts[b][i + shift];
      EXPECT_LE(same, 10) << "seeds " << a + 1 << " and " << b + 1 << ", shift " << shift;
    }
  }
}

EvolutionOptions Archipelago() {
  EvolutionOptions options = Options();
  options.population = 4;
  options.tournament = 200;  // draws everybody
  options.islands = 3;
  options.migration_interval = 5;
  return options;
}

// Tells the first `count` candidates; later ones are better, but the islands' bests lie apart.
void TellAll(Evolution& evolution, const EvolutionOptions& options, uint64_t count) {
  for (uint64_t index = 0; index < count; ++index) {
    evolution.Tell(index, options.warm_start[0], Outcome::Ok(1.0 / static_cast<double>(index + 1)));
  }
}

TEST(EvolutionTest, AChildOfAnIslandHasItsParentThereOrNowAndThenFromTheIslandBefore) {
  const EvolutionOptions options = Archipelago();
  Evolution evolution(options);
  TellAll(evolution, options, 30);  // the best of islands 0, 1, 2: 27, 28, 29
  for (uint64_t index = 30; index < 75; ++index) {
    const uint64_t own = index % 3, before = (own + 2) % 3;
    const bool migrates = index / 3 % 5 == 0;
    EXPECT_EQ(Next(evolution, index).parents[0], 27 + (migrates ? before : own)) << index;
  }
}

TEST(EvolutionTest, IslandsThatDoNotMeetAreSearchesOfTheirOwn) {
  EvolutionOptions options = Archipelago();
  options.migration_interval = 0;
  Evolution evolution(options);
  TellAll(evolution, options, 30);
  for (uint64_t index = 30; index < 75; ++index) {
    EXPECT_EQ(Next(evolution, index).parents[0], 27 + index % 3);
  }
}

TEST(EvolutionTest, EveryIslandStartsFromTheWarmStart) {
  const EvolutionOptions options = Archipelago();
  Evolution evolution(options);
  evolution.Tell(0, options.warm_start[0], Outcome::Ok(0.5));
  evolution.Tell(1, options.warm_start[0], Outcome::Ok(0.7));
  EXPECT_EQ(Next(evolution, 16).parents[0], 0u) << "better than its own child";
  EXPECT_EQ(Next(evolution, 17).parents[0], 0u);
}

TEST(EvolutionTest, IslandsAreSavedAndLoaded) {
  const EvolutionOptions options = Archipelago();
  Evolution saved(options), loaded(options);
  TellAll(saved, options, 20);
  const auto raw = [&](uint64_t) -> absl::StatusOr<Program> { return options.warm_start[0]; };
  ASSERT_TRUE(loaded.Load(saved.Save(), raw).ok());
  EXPECT_EQ(loaded.Save(), saved.Save());
  for (uint64_t index = 20; index < 60; ++index) {
    EXPECT_EQ(Next(loaded, index).parents, Next(saved, index).parents);
  }
  EvolutionOptions fewer = options;
  fewer.islands = 2;
  EXPECT_FALSE(Evolution(fewer).Load(saved.Save(), raw).ok());
}

TEST(EvolutionTest, TheProposalOfAnIndexDoesNotDependOnEarlierDraws) {
  Evolution a(Options(3)), b(Options(3));
  for (uint64_t index = 0; index < 50; ++index) Next(a, index);
  EXPECT_EQ(Next(a, 50).program, Next(b, 50).program);
}

}  // namespace
}  // namespace lathe
