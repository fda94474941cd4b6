#include "workers/item_result.h"

#include <gtest/gtest.h>

#include <string>

namespace lathe {
namespace {

// Scores of as many seeds, the last of which diverged or not.
v1::EvaluatorResult Scores(int seeds, bool diverged) {
  v1::EvaluatorResult result;
  result.mutable_scores();
  for (int i = 1; i <= seeds; ++i) {
    result.mutable_scores()->add_seeds()->set_diverged(diverged && i == seeds);
  }
  result.mutable_duration()->set_seconds(3);
  return result;
}

v1::EvaluationItem ThreeSeeds(bool stop_at_divergence) {
  v1::EvaluationItem item;
  for (int seed : {0, 1, 2}) item.add_seed_indices(seed);
  item.set_stop_at_divergence(stop_at_divergence);
  return item;
}

TEST(ToItemResult, TakesAResultPerSeedAndFewerOnlyUpToADivergence) {
  EXPECT_EQ(ToItemResult(ThreeSeeds(false), Scores(3, false))->scores().seeds_size(), 3);
  EXPECT_EQ(ToItemResult(ThreeSeeds(false), Scores(3, false))->duration().seconds(), 3);
  EXPECT_EQ(ToItemResult(ThreeSeeds(true), Scores(2, true))->scores().seeds_size(), 2);
  const auto refused = [](const v1::EvaluationItem& item, const v1::EvaluatorResult& result) {
    return ToItemResult(item, result).status().code() == absl::StatusCode::kDataLoss;
  };
  EXPECT_TRUE(refused(ThreeSeeds(false), Scores(2, true)));
  EXPECT_TRUE(refused(ThreeSeeds(true), Scores(2, false)));
  EXPECT_TRUE(refused(ThreeSeeds(true), Scores(0, false)));
  EXPECT_TRUE(refused(ThreeSeeds(true), Scores(4, true)));
  EXPECT_TRUE(refused(ThreeSeeds(true), v1::EvaluatorResult()));
}

TEST(ToItemResult, AnErrorIsAFault) {
  v1::EvaluatorResult result;
  result.set_error("on fire");
  const v1::ItemResult told = *ToItemResult(ThreeSeeds(false), result);
  EXPECT_EQ(told.fault().kind(), v1::EvaluationFault::ERROR);
  EXPECT_EQ(told.fault().message(), "on fire");
}

TEST(ToItemResult, DataThatAreMissingAreAFaultOfTheirOwn) {
  v1::EvaluatorResult result;
  result.set_missing_data("/data/mine: is cut off");
  const v1::ItemResult told = *ToItemResult(ThreeSeeds(false), result);
  EXPECT_EQ(told.fault().kind(), v1::EvaluationFault::MISSING_DATA);
  EXPECT_EQ(told.fault().message(), "/data/mine: is cut off");
}

TEST(AllowanceSeconds, IsWhatTheItemSaysWithinReason) {
  v1::EvaluationItem item;
  EXPECT_EQ(AllowanceSeconds(item), 600);
  item.mutable_allowance()->set_seconds(12);
  item.mutable_allowance()->set_nanos(500'000'000);
  EXPECT_EQ(AllowanceSeconds(item), 12.5);
  item.mutable_allowance()->set_seconds(-1);
  EXPECT_GT(AllowanceSeconds(item), 0);
  item.mutable_allowance()->set_seconds(int64_t{1} << 60);
  EXPECT_EQ(AllowanceSeconds(item), 7 * 24 * 3600);
}

}  // namespace
}  // namespace lathe
