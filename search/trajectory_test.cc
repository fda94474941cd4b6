#include "search/trajectory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "search/evolution.h"
#include "search/testing/completion_order.h"
#include "search/testing/synthetic_evaluation.h"

namespace lathe {
namespace {

// What a scripted strategy proposes, and what it saw.
struct Script {
  std::vector<Program> programs;               // by index, then Done
  std::vector<std::vector<uint64_t>> told_at;  // by index: what had been told when it was asked
  std::vector<uint64_t> told;
  std::vector<Outcome> outcomes;  // beside `told`
  std::vector<uint64_t> parents;
  std::string operation = "script";
};

class Scripted : public Strategy {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  std::variant<Proposal, Wait, Done> Next(uint64_t index) override {
    if (index >= script_.programs.size()) return Done{"end of the script"};
    EXPECT_EQ(index, script_.told_at.size());
    script_.told_at.push_back(script_.told);
    return Proposal{script_.programs[index], script_.parents, script_.operation};
  }
  void Tell(uint64_t index, const Program& program, const Outcome& outcome) override {
    EXPECT_EQ(program, script_.programs[index]);
    script_.told.push_back(index);
    script_.outcomes.push_back(outcome);
  }

 private:
  Script& script_;
};

Program Scaled(double factor) {
  return Parsed(absl::StrCat("lathe 1 optimizer p\ninput g[P,R,C]\nupdate = mul(g, ",
                             NumberText(factor), ")\n"));
}
Program WithoutGradient() {
  return Parsed("lathe 1 optimizer p\ninput w[P,R,C]\nupdate = neg(w)\n");
}
Program IllFormed() {
  Program program = Scaled(3);
  program.states.push_back({AxisSet{Axis::kP}, 0, false, Operand::Input(1), ""});
  return program;
}

Filters DefaultFilters() {
  FilterOptions options;
  options.shapes = {{32, 64}, {32, 1}};
  return Filters(options);
}

TrajectoryOptions WithWindow(int window) {
  TrajectoryOptions options;
  options.window = window;
  return options;
}

// The objective of the program with factor x is x; 13 diverges.
EvaluationResult ByFactor(const EvaluationRequest& request) {
  const double factor = request.program->program.instructions[0].operands[1].constant;
  return {{factor == 13, factor, 0, 0}};
}

struct Ran {
  Script script;
  std::unique_ptr<Trajectory> trajectory;
  std::string reason;
};

void RunScript(Ran& ran, TrajectoryOptions options, CompletionOrder order) {
  ran.trajectory = std::make_unique<Trajectory>(
      std::move(options), std::make_unique<Scripted>(ran.script), DefaultFilters());
  ran.reason = RunToEnd(*ran.trajectory, order, ByFactor);
}

// New programs (n), duplicates of the first (d), rejected ones (r), by index.
std::vector<Program> Programs(const std::string& kinds) {
  std::vector<Program> programs;
  for (char kind : kinds) {
    double fresh = 2 + 0.25 * static_cast<double>(programs.size());
    programs.push_back(kind == 'n' ? Scaled(fresh) : kind == 'd' ? Scaled(2) : WithoutGradient());
  }
  return programs;
}

// What must have been told when index i is proposed, straight from the rule: with s the next slot,
// slots 0 .. s - window, and after each of them the duplicates between it and the next slot.
std::vector<uint64_t> ToldBefore(const std::string& kinds, size_t i, int window) {
  auto slots = [&](size_t end) { return std::count(kinds.begin(), kinds.begin() + end, 'n'); };
  const long through = slots(i) - window;  // the last slot that has been told
  std::vector<uint64_t> told;
  for (size_t k = 0; k < i; ++k) {
    const long slot = slots(k + 1) - 1;  // its own, or the last with a smaller index
    if (kinds[k] != 'r' && slot <= through) told.push_back(k);
  }
  return told;
}

TEST(TrajectoryTest, EverySlotIsProposedFromTheSameState) {
  const std::string kinds = "nnrdndrnnddnnnrrndnnnndnnddddnnrn";
  for (int window : {1, 3, 8, 32}) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      Ran ran;
      ran.script.programs = Programs(kinds);
      RunScript(ran, WithWindow(window), CompletionOrder::Random(seed));
      ASSERT_EQ(ran.script.told_at.size(), kinds.size());
      for (size_t i = 0; i < kinds.size(); ++i) {
        EXPECT_EQ(ran.script.told_at[i], ToldBefore(kinds, i, window))
            << "index " << i << ", window " << window;
      }
      EXPECT_EQ(ran.script.told, ToldBefore(kinds + "n", kinds.size(), 1));
      EXPECT_EQ(ran.reason, "end of the script");
    }
  }
}

TEST(TrajectoryTest, ADuplicateSharesTheOutcomeOfTheFirstOfItsKind) {
  Ran ran;
  ran.script.programs = {Scaled(5), Scaled(13), Scaled(7), Scaled(13), Scaled(5)};
  RunScript(ran, WithWindow(32), CompletionOrder::LastFirst());
  ASSERT_EQ(ran.script.told, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(ran.script.outcomes[3], Outcome::Diverged());
  EXPECT_EQ(ran.script.outcomes[4], Outcome::Ok(5));
  EXPECT_EQ(ran.trajectory->Count().duplicates, 2u);
  EXPECT_EQ(ran.trajectory->Count().failed, 1u);
}

TEST(TrajectoryTest, EqualIsWhatIsEqualInCanonicalForm) {
  Ran ran;
  ran.script.programs = {Scaled(5), Scaled(5)};
  std::swap(ran.script.programs[1].instructions[0].operands[0],
            ran.script.programs[1].instructions[0].operands[1]);
  RunScript(ran, WithWindow(1), CompletionOrder::FirstFirst());
  EXPECT_EQ(ran.trajectory->Count().duplicates, 1u);
}

TEST(TrajectoryTest, TheRejectedAreCountedByFilterAndNotTold) {
  Ran ran;
  ran.script.programs = {WithoutGradient(), Scaled(5), IllFormed(), WithoutGradient(), IllFormed()};
  RunScript(ran, WithWindow(4), CompletionOrder::FirstFirst());
  const Trajectory::Counts& counts = ran.trajectory->Count();
  EXPECT_EQ(counts.rejected[static_cast<size_t>(Filter::ignores_gradient)], 2u);
  EXPECT_EQ(counts.rejected[static_cast<size_t>(Filter::ill_formed)], 2u);
  EXPECT_EQ(counts.duplicates, 0u);
  EXPECT_EQ(counts.proposed, 5u);
  EXPECT_EQ(counts.evaluated, 1u);
  EXPECT_EQ(ran.script.told, std::vector<uint64_t>{1});
}

TEST(TrajectoryTest, BudgetsEndTheSearchAndEverythingIsTold) {
  struct Case {
    uint64_t candidates, evaluations;
    std::string reason;
    uint64_t proposed, evaluated;
  };
  const std::string kinds = "nndnnnrnnn";
  for (const Case& c :
       {Case{4, 0, "budget.candidates", 4, 3}, Case{0, 4, "budget.evaluations", 5, 4},
        Case{6, 5, "budget.candidates", 6, 5}, Case{100, 100, "end of the script", 10, 8}}) {
    Ran ran;
    ran.script.programs = Programs(kinds);
    TrajectoryOptions options = WithWindow(3);
    options.max_candidates = c.candidates;
    options.max_evaluations = c.evaluations;
    RunScript(ran, options, CompletionOrder::Random(1));
    EXPECT_EQ(ran.reason, c.reason);
    EXPECT_EQ(ran.trajectory->Count().proposed, c.proposed) << c.reason;
    EXPECT_EQ(ran.trajectory->Count().evaluated, c.evaluated) << c.reason;
  }
}

TEST(TrajectoryTest, ASpaceWithNothingNewIsExhausted) {
  Ran ran;
  ran.script.programs = Programs("nddndddddddddddn");
  TrajectoryOptions options = WithWindow(2);
  options.exhausted_after = 5;
  RunScript(ran, options, CompletionOrder::FirstFirst());
  EXPECT_EQ(ran.reason, "space_exhausted");
  EXPECT_EQ(ran.trajectory->Count().proposed, 9u);  // the second new one, then five
}

TEST(TrajectoryTest, TheBestComeFirstAndEqualsByIndex) {
  Ran ran;
  ran.script.programs = {Scaled(9), Scaled(13), Scaled(4), Scaled(8)};
  RunScript(ran, WithWindow(4), CompletionOrder::LastFirst());
  auto indices = [&](size_t most) {
    std::vector<uint64_t> result;
    for (const auto* candidate : ran.trajectory->Best(most)) result.push_back(candidate->index);
    return result;
  };
  EXPECT_EQ(indices(10), (std::vector<uint64_t>{2, 3, 0}));
  EXPECT_EQ(indices(1), (std::vector<uint64_t>{2}));

  Ran tied;
  tied.script.programs = {Scaled(9), Scaled(4), Scaled(8)};
  tied.trajectory = std::make_unique<Trajectory>(
      WithWindow(4), std::make_unique<Scripted>(tied.script), DefaultFilters());
  RunToEnd(*tied.trajectory, CompletionOrder::LastFirst(), [](const EvaluationRequest&) {
    return EvaluationResult{{false, 1, 0, 0}};
  });
  EXPECT_EQ(tied.trajectory->Best(1)[0]->index, 0u);
}

TEST(TrajectoryTest, RequestsAreForTheSearchesOwnSeedsAndNeverForTheTestSplit) {
  Script script;
  script.programs = {Scaled(3)};
  TrajectoryOptions options;
  options.evaluation_seeds = {0, 1, 2};
  Trajectory trajectory(options, std::make_unique<Scripted>(script), DefaultFilters());
  auto action = trajectory.Next();
  const EvaluationRequest& request = std::get<Trajectory::Evaluate>(action).request;
  EXPECT_EQ(request.seeds, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(request.measure_test);
  EXPECT_TRUE(request.stop_at_divergence);
  EXPECT_EQ(request.arena, 0);
}

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
