// Frozen trajectories. A job that ran must run again to the same programs in the same order, so a
// change that moves one of these hashes invalidates every recorded search: it belongs with a new
// version of the engine and a line in its notes.
#include <gtest/gtest.h>

#include <string>

#include "dsl/known_programs.h"
#include "search/evolution.h"
#include "search/random_search.h"
#include "search/testing/completion_order.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

// Ops with exactly rounded arithmetic and inputs of everyday size: what is frozen must not hang on
// a machine's math library, nor on the default weights of the op table.
SearchSpace FrozenSpace() {
  SearchSpace space;
  space.ops = {Op::add, Op::sub, Op::mul, Op::div_eps, Op::sign, Op::sqrt_abs, Op::lerp, Op::mean};
  space.op_weights = {1, 1, 2, 1, 0.5, 0.5, 1, 0.25};
  space.inputs = {0, 1, 2};
  return space;
}

std::unique_ptr<Strategy> FrozenEvolution() {
  EvolutionOptions options;
  options.seed = 42;
  options.population = 20;
  options.tournament = 3;
  options.warm_start = {KnownProgram("adamw_warm_start").value(), KnownProgram("lion").value()};
  options.mutation.space = FrozenSpace();
  return std::make_unique<Evolution>(std::move(options));
}

std::string HashOf(std::unique_ptr<Strategy> strategy, int window, CompletionOrder order) {
  TrajectoryOptions options = WithWindow(window);
  options.max_evaluations = 300;
  options.evaluation_seeds = {0, 1};
  Trajectory trajectory(options, std::move(strategy), DefaultFilters());
  RunToEnd(trajectory, order, SyntheticEvaluation);
  return trajectory.HashSoFar().Hex();
}

TEST(TrajectoryGolden, OfEvolutionForEachWindow) {
  const std::pair<int, const char*> golden[] = {{1, "30e790835771912cea03ad0b42841c06"},
                                                {32, "3b61e9c33dd8565a459027a8e9357744"},
                                                {256, "2f6aad121ffbe8c3b32ae760a019d3e4"}};
  for (const auto& [window, hash] : golden) {
    EXPECT_EQ(HashOf(FrozenEvolution(), window, CompletionOrder::FirstFirst()), hash) << window;
    EXPECT_EQ(HashOf(FrozenEvolution(), window, CompletionOrder::Random(7)), hash) << window;
  }
}

// What a random search proposes does not depend on what it was told, so neither on the window.
TEST(TrajectoryGolden, OfRandomSearchForAnyWindow) {
  for (int window : {1, 32, 256}) {
    auto search = std::make_unique<RandomSearch>(42, OptimizerSignature(), FrozenSpace(),
                                                 RandomProgramSize());
    EXPECT_EQ(HashOf(std::move(search), window, CompletionOrder::LastFirst()),
              "67b05c36a6aadbe7eff446811de5c51e")
        << window;
  }
}

// The records of a short script, with every kind of outcome: moved by the encoding of records
// alone.
TEST(TrajectoryGolden, OfAScript) {
  Script script;
  script.programs = {Scaled(2), WithoutGradient(), Scaled(13), Scaled(2), IllFormed(), Scaled(0.5)};
  script.parents = {0, 7};
  Trajectory trajectory(WithWindow(2), std::make_unique<Scripted>(script), DefaultFilters());
  RunToEnd(trajectory, CompletionOrder::FirstFirst(), ByFactor);
  EXPECT_EQ(trajectory.HashSoFar().Hex(), "d401fa84c9082bac5bbb986b3062f30a");
}

}  // namespace
}  // namespace lathe
