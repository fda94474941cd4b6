#include "search/study_report.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lathe {
namespace {

MethodResult Method(const std::string& name, Difference difference) {
  MethodResult method;
  method.name = name;
  PairedComparison& d = method.loss_difference;
  d.pairs = 10;
  d.p_value = difference == Difference::kNone ? 0.3 : 0.01;
  const double sign = difference == Difference::kBetter ? -1 : 1;
  d.low = sign * 0.2 - 0.1;
  d.high = sign * 0.2 + 0.1;
  if (difference == Difference::kNone) d.low = -(d.high = 0.1);
  d.wins = difference == Difference::kBetter ? 9 : 1;
  d.losses = 10 - d.wins;
  return method;
}

ArenaResult Arena(const std::vector<Difference>& baselines,
                  const std::vector<Difference>& controls) {
  ArenaResult arena{
      "proxy", {Method("found", Difference::kNone)}, static_cast<int>(baselines.size())};
  int number = 0;
  for (Difference d : baselines) arena.methods.push_back(Method("b" + std::to_string(++number), d));
  for (Difference d : controls) arena.methods.push_back(Method("c" + std::to_string(++number), d));
  return arena;
}

constexpr Difference B = Difference::kBetter, W = Difference::kWorse, N = Difference::kNone;

TEST(StudyReportTest, BetterMeansBetterThanEveryBaseline) {
  EXPECT_EQ(VerdictText(Arena({B, B}, {W})),
            "On proxy the found program is better than every tuned baseline (b1, b2).");
  EXPECT_EQ(VerdictText(Arena({W, W}, {})),
            "On proxy the found program is worse than every tuned baseline (b1, b2).");
  EXPECT_EQ(VerdictText(Arena({N, N}, {B})),
            "On proxy no difference to any tuned baseline is shown; it is not better.");
  EXPECT_EQ(VerdictText(Arena({B, N, W, B}, {})),
            "On proxy the found program is better than b1, b4; worse than b3; not shown to differ "
            "from b2; it is not better than every tuned baseline.");
  EXPECT_EQ(VerdictOf(Arena({}, {B})), Verdict::kNoDifference);
}

TEST(StudyReportTest, ControlsAreToldApartFromBaselines) {
  EXPECT_EQ(ControlText(Arena({W}, {B, N})),
            "Next to the other searches at the same budget it is better than c2; not shown to "
            "differ from c3.");
  EXPECT_EQ(ControlText(Arena({W}, {})), "");
}

TEST(StudyReportTest, ADifferenceNeedsBothTheTestAndTheInterval) {
  MethodResult method = Method("b", B);
  EXPECT_EQ(DifferenceShown(method), B);
  method.loss_difference.high = 0.01;
  EXPECT_EQ(DifferenceShown(method), N);
  method = Method("b", B);
  method.loss_difference.p_value = 0.05;
  EXPECT_EQ(DifferenceShown(method), N);
  method = Method("b", W);
  EXPECT_EQ(DifferenceShown(method), W);
  method.loss_difference.low = -0.01;
  EXPECT_EQ(DifferenceShown(method), N);
}

TEST(StudyReportTest, WhatFailsMoreOftenIsNotBetter) {
  MethodResult method = Method("b", B);
  method.loss_difference.failures_a = 2;
  EXPECT_EQ(DifferenceShown(method), N);
  method.loss_difference.failures_b = 2;
  EXPECT_EQ(DifferenceShown(method), B);
}

TEST(StudyReportTest, WhereItFailsMoreOftenTheIntervalOfTheRestIsNoExcuse) {
  MethodResult method = Method("b", W);
  method.loss_difference.low = -0.3;
  method.loss_difference.high = -0.1;  // over the few pairs in which it went through
  EXPECT_EQ(DifferenceShown(method), N);
  method.loss_difference.failures_a = 12;
  EXPECT_EQ(DifferenceShown(method), W);
}

TEST(StudyReportTest, FailuresOfTheFoundProgramAreSaid) {
  ArenaResult arena = Arena({B}, {});
  arena.methods[0].test_loss.runs = 20;
  arena.methods[0].test_loss.failures = 3;
  EXPECT_EQ(
      VerdictText(arena),
      "On proxy the found program is better than every tuned baseline (b1). It failed on 3 of "
      "20 seeds.");
}

TEST(StudyReportTest, WhereFailuresDecideThereIsNoInterval) {
  MethodResult method = Method("b", B);
  method.loss_difference.pairs = 0;
  method.loss_difference.low = method.loss_difference.high = NAN;
  EXPECT_EQ(DifferenceShown(method), B);
}

}  // namespace
}  // namespace lathe
