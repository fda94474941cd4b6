// Strategies that answer Wait, and what a trajectory owes to whoever drives it.
#include <gtest/gtest.h>

#include "search/testing/completion_order.h"
#include "search/testing/scripted_strategy.h"

namespace lathe {
namespace {

// Proposes in generations: the next one when all of the last has been told.
class Generations : public Strategy {
 public:
  Generations(int size, int count, std::vector<uint64_t>& told)
      : size_(size), count_(count), told_(told) {}

  std::variant<Proposal, Wait, Done> Next(uint64_t index) override {
    const uint64_t generation = index / size_;
    if (generation >= static_cast<uint64_t>(count_)) return Done{"last generation"};
    if (told_.size() < generation * size_) return Wait{};
    EXPECT_EQ(told_.size(), generation * size_) << "told ahead of what it asked for";
    return Proposal{Scaled(20 + static_cast<double>(index)), {}, "generation"};
  }
  void Tell(uint64_t index, const Program&, const Outcome&) override { told_.push_back(index); }
  std::string Save() const override { return ""; }
  absl::Status Load(std::string_view, const RawProgram&) override { return absl::OkStatus(); }

 private:
  uint64_t size_;
  int count_;
  std::vector<uint64_t>& told_;
};

TEST(TrajectoryWait, AStrategyThatWaitsIsToldInOrderUntilItGoesOn) {
  std::string hash;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    std::vector<uint64_t> told;
    Trajectory trajectory(WithWindow(32), std::make_unique<Generations>(5, 4, told),
                          DefaultFilters());
    EXPECT_EQ(RunToEnd(trajectory, CompletionOrder::Random(seed), ByFactor), "last generation");
    ASSERT_EQ(told.size(), 20u);
    for (uint64_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i], i);
    if (seed == 0) hash = trajectory.HashSoFar().Hex();
    EXPECT_EQ(trajectory.HashSoFar().Hex(), hash);
  }
}

TEST(TrajectoryWait, AsManySlotsAreInFlightAsTheWindowAllows) {
  for (int window : {1, 3, 32}) {
    Script script;
    script.programs = Programs(std::string(40, 'n'));
    Trajectory trajectory(WithWindow(window), std::make_unique<Scripted>(script), DefaultFilters());
    std::vector<Trajectory::Evaluate> started;
    while (true) {
      auto action = trajectory.Next();
      auto* evaluate = std::get_if<Trajectory::Evaluate>(&action);
      if (evaluate == nullptr) {
        EXPECT_TRUE(std::holds_alternative<Wait>(action));
        break;
      }
      started.push_back(*evaluate);
    }
    ASSERT_EQ(started.size(), static_cast<size_t>(window));
    // Asking again changes nothing; nor does the completion of any but the first.
    EXPECT_TRUE(std::holds_alternative<Wait>(trajectory.Next()));
    for (size_t i = 1; i < started.size(); ++i) {
      trajectory.Complete(started[i].slot, ByFactor(started[i].request));
      EXPECT_TRUE(std::holds_alternative<Wait>(trajectory.Next())) << i;
    }
    EXPECT_TRUE(script.told.empty());
    trajectory.Complete(0, ByFactor(started[0].request));
    EXPECT_TRUE(std::holds_alternative<Trajectory::Evaluate>(trajectory.Next()));
    EXPECT_EQ(script.told, std::vector<uint64_t>{0});
    EXPECT_EQ(trajectory.Count().evaluated, 1u);
  }
}

// Whoever drives it may ask again after the end.
TEST(TrajectoryWait, DoneStaysDone) {
  Script script;
  script.programs = Programs("nn");
  Trajectory trajectory(WithWindow(4), std::make_unique<Scripted>(script), DefaultFilters());
  trajectory.Next();
  trajectory.Next();
  EXPECT_TRUE(std::holds_alternative<Wait>(trajectory.Next())) << "two are in flight";
  trajectory.Complete(1, {{false, 1, 0, 0}});
  EXPECT_TRUE(std::holds_alternative<Wait>(trajectory.Next())) << "the first is in flight";
  EXPECT_TRUE(script.told.empty());
  trajectory.Complete(0, {{false, 2, 0, 0}});
  for (int i = 0; i < 2; ++i) {
    auto action = trajectory.Next();
    ASSERT_TRUE(std::holds_alternative<Done>(action));
    EXPECT_EQ(std::get<Done>(action).reason, "end of the script");
  }
  EXPECT_EQ(script.told, (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(trajectory.Best(5)[0]->index, 1u);
}

}  // namespace
}  // namespace lathe
