#include "search/hurdle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dsl/random.h"
#include "search/testing/completion_order.h"
#include "search/testing/memory_log.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(HurdleScores, NothingIsStoppedBeforeEnoughIsKnown) {
  HurdleScores scores(0.5, 10, 3);
  EXPECT_EQ(scores.Threshold(), kInfinity);
  scores.Add(1);
  scores.Add(2);
  EXPECT_EQ(scores.Threshold(), kInfinity);
  scores.Add(3);
  EXPECT_EQ(scores.Threshold(), 2);
}

TEST(HurdleScores, EqualScoresCountOnce) {
  HurdleScores scores(0.5, 10, 2);
  for (int i = 0; i < 5; ++i) scores.Add(1);
  EXPECT_EQ(scores.Threshold(), kInfinity);
  for (double score : {5, 1, 3, 1}) scores.Add(score);
  EXPECT_EQ(scores.Threshold(), 3) << "1 3 5";
}

// Beside what the words say: of the most recent different scores, the ceil(keep n)-th smallest.
TEST(HurdleScores, IsTheQuantileOfTheMostRecent) {
  for (double keep : {0.01, 0.25, 0.5, 0.9, 0.999}) {
    HurdleScores scores(keep, 20, 1);
    std::deque<double> recent;
    RandomStream random(5, {});
    for (int i = 0; i < 500; ++i) {
      const auto score = static_cast<double>(random.Below(60));
      scores.Add(score);
      if (std::find(recent.begin(), recent.end(), score) == recent.end()) recent.push_back(score);
      if (recent.size() > 20) recent.pop_front();
      std::vector<double> sorted(recent.begin(), recent.end());
      std::sort(sorted.begin(), sorted.end());
      const auto passing =
          static_cast<size_t>(std::ceil(keep * static_cast<double>(sorted.size())));
      ASSERT_EQ(scores.Threshold(), sorted[passing - 1]) << "keep " << keep << " after " << i;
    }
  }
}

// A cheap task of its own, and the first of two seeds.
std::vector<HurdleOptions> TwoHurdles() {
  return {{.arena = 3, .seeds = {0}, .keep = 0.75, .window = 8, .least = 4},
          {.arena = 0, .seeds = {0}, .keep = 0.5, .window = 8, .least = 2}};
}

struct Asked {
  int arena;
  std::vector<int> seeds;
  friend bool operator==(const Asked&, const Asked&) = default;
};

struct Searched {
  Script script;
  MemoryLog log;
  std::vector<std::vector<Asked>> asked;  // by slot
  Trajectory::Counts counts;
  std::string hash;
};

// The factor in arena 3; in arena 0 the factor plus a tenth of the seed. 13 diverges in arena 0.
EvaluationResult ScoreOf(const EvaluationRequest& request) {
  const double factor = request.program->program.instructions[0].operands[1].constant;
  EvaluationResult result;
  for (int seed : request.seeds) {
    result.push_back({request.arena == 0 && factor == 13, factor + 0.1 * seed * (seed + 1), 0, 0});
  }
  return result;
}

void Search(Searched& searched, const std::vector<double>& factors,
            std::vector<HurdleOptions> hurdles, int window, CompletionOrder order) {
  for (double factor : factors) searched.script.programs.push_back(Scaled(factor));
  TrajectoryOptions options = WithWindow(window);
  options.evaluation_seeds = {0, 1};
  options.hurdles = std::move(hurdles);
  options.log = &searched.log;
  Trajectory trajectory(options, std::make_unique<Scripted>(searched.script), DefaultFilters());
  std::map<std::string, size_t> slots;  // by the program's text: all differ
  RunToEnd(trajectory, order, [&](const EvaluationRequest& request) {
    const size_t slot = slots.try_emplace(request.program->text, slots.size()).first->second;
    searched.asked.resize(slots.size());
    searched.asked[slot].push_back({request.arena, request.seeds});
    return ScoreOf(request);
  });
  searched.counts = trajectory.Count();
  searched.hash = trajectory.HashSoFar().Hex();
}

TEST(Hurdles, ACandidateMeetsOneAfterTheOtherAndIsScoredInFull) {
  Searched searched;
  Search(searched, {5}, TwoHurdles(), 1, CompletionOrder::FirstFirst());
  EXPECT_EQ(searched.asked[0], (std::vector<Asked>{{3, {0}}, {0, {0}}, {0, {1}}}))
      << "the seed of the race is not run again";
  EXPECT_EQ(searched.log.slots[0], (ToldSlot{Outcome::Ok((5 + 5.2) / 2), {5, 5}}));
}

TEST(Hurdles, StopWhatIsWorseThanTheQuantileOfWhatWasTold) {
  Searched searched;
  // The first hurdle wakes after four scores: of 4 3 2 1.5 three pass, so 3 is let through, 3.5 is
  // not. The second wakes after two; of those that reach it half pass.
  Search(searched, {4, 3, 2, 1.5, 3.5, 0.5, 13, 0.25}, TwoHurdles(), 1,
         CompletionOrder::FirstFirst());
  const std::vector<ToldSlot>& slots = searched.log.slots;
  ASSERT_EQ(slots.size(), 8u);
  EXPECT_EQ(slots[0].outcome, Outcome::Ok(4.1));
  EXPECT_EQ(slots[1].outcome, Outcome::Ok(3.1));
  EXPECT_EQ(slots[2].outcome, Outcome::Ok(2.1)) << "the race knows 4 and 3";
  EXPECT_EQ(slots[3].outcome, Outcome::Ok(1.6));
  EXPECT_EQ(slots[4], (ToldSlot{Outcome::Stopped(0, 3.5), {3.5}}));
  EXPECT_EQ(searched.asked[4], (std::vector<Asked>{{3, {0}}}));
  EXPECT_EQ(slots[6].outcome, Outcome::Stopped(0, 13));
  EXPECT_EQ(slots[7].outcome, Outcome::Ok(0.25 + 0.1));
  EXPECT_EQ(searched.counts.stopped, (std::vector<uint64_t>{2, 0}));
  EXPECT_EQ(searched.script.outcomes[4], Outcome::Stopped(0, 3.5)) << "its strategy hears of it";
}

TEST(Hurdles, ARaceStopsAfterItsSeeds) {
  std::vector<HurdleOptions> race = {{.arena = 0, .seeds = {0}, .keep = 0.5, .least = 2}};
  Searched searched;
  Search(searched, {4, 3, 13, 3.5, 2}, race, 1, CompletionOrder::FirstFirst());
  EXPECT_EQ(searched.log.slots[2], (ToldSlot{Outcome::Diverged(), {}}));
  EXPECT_EQ(searched.log.slots[3], (ToldSlot{Outcome::Stopped(0, 3.5), {3.5}}));
  EXPECT_EQ(searched.asked[3], (std::vector<Asked>{{0, {0}}}));
  EXPECT_EQ(searched.log.slots[4].outcome, Outcome::Ok(2.1));
}

TEST(Hurdles, TheOutcomesDoNotDependOnTheOrderOfCompletion) {
  std::vector<double> factors;
  RandomStream random(3, {});
  for (int i = 0; i < 120; ++i) factors.push_back(1.125 + 0.01 * i + 5 * random.Uniform());
  for (int window : {1, 7, 32}) {
    Searched first;
    Search(first, factors, TwoHurdles(), window, CompletionOrder::FirstFirst());
    EXPECT_GT(first.counts.stopped[0], 10u);
    EXPECT_GT(first.counts.stopped[1], 10u);
    for (int order = 0; order < 6; ++order) {
      Searched other;
      Search(other, factors, TwoHurdles(), window,
             order == 0 ? CompletionOrder::LastFirst() : CompletionOrder::Random(order));
      EXPECT_TRUE(other.log.slots == first.log.slots) << "window " << window;
      EXPECT_EQ(other.hash, first.hash);
    }
  }
}

TEST(Hurdles, WhereACandidateWasStoppedIsPartOfTheHash) {
  std::vector<HurdleOptions> hurdles = TwoHurdles();
  Searched one, other;
  Search(one, {4, 3, 2, 1.5, 3.5}, hurdles, 1, CompletionOrder::FirstFirst());
  hurdles[0].least = 8;  // so that it is the race that stops the last
  Search(other, {4, 3, 2, 1.5, 3.5}, hurdles, 1, CompletionOrder::FirstFirst());
  EXPECT_EQ(other.log.slots[4].outcome, Outcome::Stopped(1, 3.5));
  EXPECT_NE(one.hash, other.hash);
}

}  // namespace
}  // namespace lathe
