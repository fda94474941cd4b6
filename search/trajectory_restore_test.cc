// Searches that are cut short at any point and taken up again from their log end as they would have
// without that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "dsl/known_programs.h"
#include "search/evolution.h"
#include "search/random_search.h"
#include "search/testing/completion_order.h"
#include "search/testing/memory_log.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

enum class Kind { kEvolution, kRandom };

std::unique_ptr<Strategy> MakeStrategy(Kind kind) {
  const SearchSpace space = SearchSpace::Default(OptimizerSignature());
  if (kind == Kind::kRandom) {
    return std::make_unique<RandomSearch>(3, OptimizerSignature(), space, RandomProgramSize());
  }
  EvolutionOptions options;
  options.seed = 11;
  options.population = 20;
  options.tournament = 3;
  // With named hypers that have ranges: what a log does not keep of a program must not matter.
  options.warm_start = {*KnownProgram("adamw"), *KnownProgram("lion")};
  options.mutation.space = space;
  return std::make_unique<Evolution>(std::move(options));
}

enum class Hurdled { kNo, kYes };

TrajectoryOptions Options(int window, Hurdled hurdled, LogWriter* log) {
  TrajectoryOptions options = WithWindow(window);
  options.max_evaluations = 150;
  options.evaluation_seeds = {0, 1};
  options.keep_best = 5;
  if (hurdled == Hurdled::kYes) {
    options.hurdles = {{.arena = 1, .seeds = {0}, .keep = 0.7, .window = 16, .least = 4},
                       {.arena = 0, .seeds = {0}, .keep = 0.7, .window = 16, .least = 4}};
  }
  options.log = log;
  return options;
}

// All that can be seen of a search that has ended.
struct End {
  std::string reason, hash;
  std::vector<CandidateRecord> candidates;
  std::vector<ToldSlot> slots;
  std::vector<std::pair<uint64_t, std::string>> best;
  std::vector<uint64_t> counts;
  friend bool operator==(const End&, const End&) = default;
};

End EndOf(const Trajectory& trajectory, std::string reason, const MemoryLog& log) {
  End end{std::move(reason), trajectory.HashSoFar().Hex(), log.candidates, log.slots, {}, {}};
  for (const Trajectory::Winner* winner : trajectory.Best(5)) {
    end.best.emplace_back(winner->index, winner->canonical->text);
  }
  const Trajectory::Counts& counts = trajectory.Count();
  end.counts = {counts.proposed, counts.duplicates, counts.slots, counts.evaluated, counts.failed};
  end.counts.insert(end.counts.end(), counts.rejected.begin(), counts.rejected.end());
  end.counts.insert(end.counts.end(), counts.stopped.begin(), counts.stopped.end());
  return end;
}

// One in forty fails for reasons of the machine, always the same ones.
bool Breaks(const EvaluationRequest& request) {
  return SyntheticUniform(request.program->text, 0, 0, 0, 9) < 0.025;
}

// A search in lives. Each ends after a drawn number of steps, with all its evaluations in flight;
// the next one has nothing but the log and a checkpoint that was taken now and then.
End RunInLives(Kind kind, int window, Hurdled hurdled, uint64_t seed, bool with_checkpoints) {
  MemoryLog log;
  std::optional<Checkpoint> checkpoint;
  RandomStream random(seed, {});
  uint64_t most_retold = 0;
  while (true) {
    Trajectory trajectory(Options(window, hurdled, &log), MakeStrategy(kind), DefaultFilters());
    const auto restored = trajectory.Restore(log, checkpoint);
    EXPECT_TRUE(restored.ok()) << restored.status();
    if (!restored.ok()) return {};
    most_retold = std::max(most_retold, restored->retold);
    std::vector<std::pair<uint64_t, EvaluationRequest>> in_flight;
    uint64_t told_at_checkpoint = checkpoint ? checkpoint->told : 0;
    // Long enough that some slot passes all its hurdles.
    const uint64_t most_steps = hurdled == Hurdled::kYes ? 360 : 120;
    for (uint64_t steps = random.Below(most_steps);; --steps) {
      if (steps == 0 && seed != 0) break;
      if (with_checkpoints && trajectory.Count().evaluated >= told_at_checkpoint + 10) {
        checkpoint = trajectory.Save();
        told_at_checkpoint = checkpoint->told;
      }
      auto action = trajectory.Next();
      if (auto* evaluate = std::get_if<Trajectory::Evaluate>(&action)) {
        in_flight.emplace_back(evaluate->slot, std::move(evaluate->request));
        continue;
      }
      if (Done* done = std::get_if<Done>(&action)) {
        // A life of ten outcomes and a window at most passes without a checkpoint.
        EXPECT_TRUE(!with_checkpoints || most_retold <= 10u + window) << most_retold;
        return EndOf(trajectory, done->reason, log);
      }
      const auto chosen =
          in_flight.begin() + static_cast<std::ptrdiff_t>(random.Below(in_flight.size()));
      if (Breaks(chosen->second)) {
        trajectory.Fail(chosen->first);
      } else {
        trajectory.Complete(chosen->first, SyntheticEvaluation(chosen->second));
      }
      in_flight.erase(chosen);
    }
  }
}

class TrajectoryRestoreEnd
    : public ::testing::TestWithParam<std::tuple<Kind, int /*window*/, Hurdled>> {};

TEST_P(TrajectoryRestoreEnd, IsAsIfNothingHadHappened) {
  const auto& [kind, window, hurdled] = GetParam();
  const End undisturbed = RunInLives(kind, window, hurdled, 0, false);
  ASSERT_EQ(undisturbed.reason, "budget.evaluations");
  ASSERT_EQ(undisturbed.slots.size(), 150u);
  ASSERT_THAT(undisturbed.slots,
              ::testing::Contains(::testing::Field(&ToldSlot::outcome, Outcome::Failed())));
  if (hurdled == Hurdled::kYes) {
    ASSERT_GT(undisturbed.counts.back(), 5u);
  }
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    for (bool with_checkpoints : {false, true}) {
      const End end = RunInLives(kind, window, hurdled, seed, with_checkpoints);
      EXPECT_EQ(end.hash, undisturbed.hash)
          << "seed " << seed << " checkpoints " << with_checkpoints;
      EXPECT_TRUE(end == undisturbed);
      if (HasFailure()) return;
    }
  }
}

std::string NameOf(const ::testing::TestParamInfo<TrajectoryRestoreEnd::ParamType>& info) {
  const auto& [kind, window, hurdled] = info.param;
  return absl::StrCat(kind == Kind::kEvolution ? "Evolution" : "Random", "Window", window,
                      hurdled == Hurdled::kYes ? "Hurdles" : "");
}

INSTANTIATE_TEST_SUITE_P(Searches, TrajectoryRestoreEnd,
                         ::testing::Combine(::testing::Values(Kind::kEvolution, Kind::kRandom),
                                            ::testing::Values(1, 7, 32),
                                            ::testing::Values(Hurdled::kNo, Hurdled::kYes)),
                         NameOf);

TEST(TrajectoryRestore, HurdlesThatTheJobDoesNotHaveAreRefused) {
  MemoryLog log;
  log.slots = {{Outcome::Ok(1), {0.5}}};
  Script script;
  script.programs = Programs("nn");
  Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
  const absl::Status status = trajectory.Restore(log, std::nullopt).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("damaged at slot 0: it met"));
}

// The first `candidates` and `slots` of a whole search.
MemoryLog Prefix(const MemoryLog& whole, size_t candidates, size_t slots) {
  MemoryLog log = whole;
  log.candidates.resize(candidates);
  log.slots.resize(slots);
  return log;
}

struct Whole {
  Script script;
  MemoryLog log;
  std::optional<Checkpoint> checkpoint;  // after the 4th outcome
};

Whole RunWhole() {
  Whole whole;
  whole.script.programs = Programs("nrdnndrrndnnnnrdn");
  TrajectoryOptions options = WithWindow(3);
  options.log = &whole.log;
  Trajectory trajectory(options, std::make_unique<Scripted>(whole.script), DefaultFilters());
  RunToEnd(trajectory, CompletionOrder::FirstFirst(), [&](const EvaluationRequest& request) {
    if (!whole.checkpoint && trajectory.Count().evaluated >= 4) {
      whole.checkpoint = trajectory.Save();
    }
    return ByFactor(request);
  });
  return whole;
}

TEST(TrajectoryRestore, ASlotWithoutAnOutcomeIsHandedOutAgain) {
  const Whole whole = RunWhole();
  Script script;
  script.programs = whole.script.programs;
  Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
  const MemoryLog log = Prefix(whole.log, 5, 1);  // slots 0, 1 and 2; the first is told
  const auto restored = trajectory.Restore(log, std::nullopt);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->candidates, 5u);
  EXPECT_EQ(restored->retold, 1u);
  EXPECT_TRUE(script.told_at.empty()) << "what is in the log is not proposed again";
  EXPECT_EQ(std::get<Trajectory::Evaluate>(trajectory.Next()).slot, 1u);
  EXPECT_EQ(std::get<Trajectory::Evaluate>(trajectory.Next()).slot, 2u);
}

TEST(TrajectoryRestore, AStrategyIsLoadedAndToldOnlyWhatFollows) {
  const Whole whole = RunWhole();
  Script script;
  script.programs = whole.script.programs;
  Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
  const auto restored = trajectory.Restore(whole.log, whole.checkpoint);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(script.loaded, whole.checkpoint->strategy);
  EXPECT_EQ(restored->retold, whole.log.slots.size() - whole.checkpoint->told);
  EXPECT_EQ(script.told.size() + std::stoul(whole.checkpoint->strategy), whole.script.told.size());
}

TEST(TrajectoryRestore, WhatWasProposedInVainStillCounts) {
  // With a window of one each duplicate is told before the next one is proposed.
  TrajectoryOptions options = WithWindow(1);
  options.exhausted_after = 5;
  MemoryLog log;
  options.log = &log;
  Script script;
  script.programs = Programs("nddddddddd");
  Trajectory whole(options, std::make_unique<Scripted>(script), DefaultFilters());
  EXPECT_EQ(RunToEnd(whole, CompletionOrder::FirstFirst(), ByFactor), "space_exhausted");
  EXPECT_EQ(whole.Count().proposed, 6u);

  const MemoryLog half = Prefix(log, 4, 1);
  script.told_at.resize(4);
  Trajectory trajectory(options, std::make_unique<Scripted>(script), DefaultFilters());
  const auto restored = trajectory.Restore(half, Checkpoint{4, 1, "4"});
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(RunToEnd(trajectory, CompletionOrder::FirstFirst(), ByFactor), "space_exhausted");
  EXPECT_EQ(trajectory.Count().proposed, 6u);
}

TEST(TrajectoryRestore, ADamagedLogIsRefused) {
  const Whole whole = RunWhole();
  const auto restore = [&](const MemoryLog& log, const std::optional<Checkpoint>& checkpoint) {
    Script script;
    script.programs = whole.script.programs;
    Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
    return trajectory.Restore(log, checkpoint).status();
  };
  EXPECT_TRUE(restore(whole.log, std::nullopt).ok());
  const auto is_refused = [&](const MemoryLog& log, const std::optional<Checkpoint>& checkpoint) {
    const absl::Status status = restore(log, checkpoint);
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("damaged at candidate"));
  };
  for (bool with_checkpoint : {false, true}) {
    const auto checkpoint = with_checkpoint ? whole.checkpoint : std::nullopt;
    for (size_t gap : {0, 2, 5}) {
      MemoryLog log = whole.log;
      log.candidates.erase(log.candidates.begin() + static_cast<std::ptrdiff_t>(gap));
      is_refused(log, checkpoint);
    }
    is_refused(Prefix(whole.log, 17, 3), checkpoint);  // later candidates saw more outcomes
    is_refused(Prefix(whole.log, 4, 9), checkpoint);   // outcomes of candidates that are missing
    for (size_t i : {0, 2, 9, 13}) {
      MemoryLog log = whole.log;
      log.candidates[i].raw_text = "no program";
      log.candidates[i].told += 40;
      if (i > 12 || !with_checkpoint) is_refused(log, checkpoint);
      log = whole.log;
      log.candidates[i].slot = log.candidates[i].duplicate_of = std::nullopt;
      is_refused(log, checkpoint);
    }
  }
  Checkpoint beyond = *whole.checkpoint;
  beyond.proposed += 100;
  is_refused(whole.log, beyond);
  beyond = *whole.checkpoint;
  beyond.told += 100;
  is_refused(whole.log, beyond);
}

TEST(TrajectoryRestore, AStoppedSearchFinishesWhatItHasProposed) {
  Script script;
  script.programs = Programs("nnnnnnnn");
  Trajectory trajectory(WithWindow(3), std::make_unique<Scripted>(script), DefaultFilters());
  for (uint64_t slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(std::get<Trajectory::Evaluate>(trajectory.Next()).slot, slot);
  }
  trajectory.Stop("stopped");
  trajectory.Stop("stopped twice");
  EXPECT_TRUE(std::holds_alternative<Wait>(trajectory.Next()));
  for (uint64_t slot : {2, 0, 1}) trajectory.Complete(slot, {{false, 1, 0, 0}});
  EXPECT_EQ(std::get<Done>(trajectory.Next()).reason, "stopped");
  EXPECT_EQ(script.told.size(), 3u);
  EXPECT_EQ(script.told_at.size(), 3u);
}

TEST(EvolutionSave, IsRefusedWhereItDoesNotFit) {
  const auto load = [](const std::string& saved) {
    return MakeStrategy(Kind::kEvolution)
        ->Load(saved, [](uint64_t index) -> absl::StatusOr<Program> {
          if (index > 1000) return absl::DataLossError("no such candidate");
          return Scaled(2);
        });
  };
  const std::string saved = MakeStrategy(Kind::kEvolution)->Save();
  EXPECT_TRUE(load(saved).ok()) << load(saved);
  for (const std::string& wrong :
       {std::string(), std::string("1"), "2" + saved.substr(1), saved + "\n3 4", saved + " 5",
        saved.substr(0, saved.rfind(' ')), "1\nx" + saved.substr(3)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(load(wrong))) << wrong;
  }
  std::string of_others = saved;
  of_others.replace(2, 1, "9999");
  EXPECT_TRUE(absl::IsDataLoss(load(of_others))) << load(of_others);
}

}  // namespace
}  // namespace lathe
