// The hash over all records of a search.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "search/evolution.h"
#include "search/testing/completion_order.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

Hash128 HashOf(Script script, double shift = 0, int window = 4) {
  Trajectory trajectory(WithWindow(window), std::make_unique<Scripted>(script), DefaultFilters());
  RunToEnd(trajectory, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
    EvaluationResult result = ByFactor(request);
    result[0].objective += shift;
    return result;
  });
  return trajectory.HashSoFar();
}

TEST(TrajectoryHashTest, CoversEveryFieldOfEveryRecord) {
  Script script;
  script.programs = Programs("nrdn");
  std::map<std::string, std::string> hashes;
  auto add = [&](const std::string& what, Hash128 hash) {
    auto [found, inserted] = hashes.emplace(hash.Hex(), what);
    EXPECT_TRUE(inserted) << what << " hashes like " << found->second;
  };
  add("the same", HashOf(script));
  add("one bit of an objective", HashOf(script, 0x1p-50));
  Script changed = script;
  changed.operation = "other";
  add("the operation", HashOf(changed));
  changed = script;
  changed.parents = {0};
  add("a parent", HashOf(changed));
  changed = script;
  changed.programs[1] = IllFormed();
  add("the filter that rejects", HashOf(changed));
  changed = script;
  std::swap(changed.programs[2].instructions[0].operands[0],
            changed.programs[2].instructions[0].operands[1]);
  add("the raw text of a duplicate", HashOf(changed));
  changed = script;
  changed.programs.pop_back();
  add("one record fewer", HashOf(changed));
  changed = script;
  changed.programs[3] = Scaled(13);
  add("a divergence", HashOf(changed));
  // The window changes nothing that the script proposes, so nothing that is hashed.
  EXPECT_EQ(HashOf(script, 0, 1), HashOf(script, 0, 32));
}

// The hash of a script of one program, by what it is told and by the bound that may reject it.
Hash128 HashOfOne(const Program& program, std::vector<uint64_t> parents, SeedScore score,
                  double max_operations = 400) {
  Script script;
  script.programs = {program};
  script.parents = std::move(parents);
  FilterOptions filters;
  filters.shapes = {{4, 4}};
  filters.max_operations_per_parameter = max_operations;
  Trajectory trajectory(WithWindow(1), std::make_unique<Scripted>(script), Filters(filters));
  RunToEnd(trajectory, CompletionOrder::FirstFirst(),
           [&](const EvaluationRequest&) { return EvaluationResult{score}; });
  return trajectory.HashSoFar();
}

// Records that differ in one field alone.
TEST(TrajectoryHashTest, OneFieldIsEnough) {
  const SeedScore score{false, 0.5, 0, 0};
  const Hash128 hash = HashOfOne(Scaled(2), {3, 4}, score);
  EXPECT_EQ(HashOfOne(Scaled(2), {3, 4}, score), hash);
  EXPECT_NE(HashOfOne(Scaled(2), {3, 5}, score), hash) << "a parent";
  EXPECT_NE(HashOfOne(Scaled(2), {4, 3}, score), hash) << "the order of parents";
  EXPECT_NE(HashOfOne(Scaled(2), {3, 4}, {true, 0.5, 0, 0}), hash) << "a divergence";
  EXPECT_NE(HashOfOne(Scaled(2), {3, 4}, score, 0), hash) << "a rejection";
  // What is measured on the side, and where, is no part of an outcome.
  EXPECT_EQ(HashOfOne(Scaled(2), {3, 4}, {false, 0.5, 7, 1}), hash);
  EXPECT_EQ(HashOfOne(Scaled(2), {3, 4}, {true, 0.5, 0, 0}),
            HashOfOne(Scaled(2), {3, 4}, {true, 0.7, 0, 0}))
      << "a divergence has no objective";
  const Program infinite = Parsed("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = log(g)\n");
  EXPECT_NE(HashOfOne(infinite, {}, score), HashOfOne(infinite, {}, score, 0)) << "the filter";
}

struct EvolvedRun {
  Hash128 hash;
  std::string counts;
};

EvolvedRun Evolve(uint64_t seed, int window, CompletionOrder order) {
  EvolutionOptions options;
  options.seed = seed;
  options.population = 30;
  options.warm_start = {*KnownProgram("adamw_warm_start"), *KnownProgram("lion")};
  options.mutation.space = SearchSpace::Default(OptimizerSignature());
  TrajectoryOptions trajectory_options = WithWindow(window);
  trajectory_options.max_evaluations = 400;
  Trajectory trajectory(trajectory_options, std::make_unique<Evolution>(options), DefaultFilters());
  RunToEnd(trajectory, order, SyntheticEvaluation);
  const Trajectory::Counts& counts = trajectory.Count();
  EXPECT_EQ(counts.evaluated, 400u);
  uint64_t accounted = counts.duplicates + counts.slots;
  for (uint64_t rejected : counts.rejected) accounted += rejected;
  EXPECT_EQ(accounted, counts.proposed);
  return {trajectory.HashSoFar(), absl::StrCat(counts.proposed, " ", counts.duplicates)};
}

TEST(TrajectoryHashTest, DoesNotDependOnTheOrderOfCompletions) {
  std::map<std::string, std::string> hashes;
  for (int window : {1, 32, 256}) {
    for (uint64_t seed : {1, 2}) {
      const EvolvedRun run = Evolve(seed, window, CompletionOrder::FirstFirst());
      EXPECT_EQ(run.hash, Evolve(seed, window, CompletionOrder::LastFirst()).hash);
      for (uint64_t order = 0; order < 3; ++order) {
        const EvolvedRun other = Evolve(seed, window, CompletionOrder::Random(order));
        EXPECT_EQ(run.hash, other.hash) << "window " << window << ", seed " << seed;
        EXPECT_EQ(run.counts, other.counts);
      }
      const std::string what = absl::StrCat("window ", window, ", seed ", seed);
      auto [found, inserted] = hashes.emplace(run.hash.Hex(), what);
      EXPECT_TRUE(inserted) << what << " and " << found->second;
    }
  }
}

}  // namespace
}  // namespace lathe
