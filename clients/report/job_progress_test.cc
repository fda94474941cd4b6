#include "clients/report/job_progress.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

v1::JobProgress Searching() {
  v1::JobProgress progress;
  progress.set_phase("search");
  progress.set_done(50);
  progress.set_total(200);
  progress.mutable_candidates()->set_proposed(80);
  progress.mutable_candidates()->set_evaluated(50);
  progress.mutable_candidates()->set_duplicates(7);
  progress.mutable_candidates()->set_diverged(3);
  auto& rejected = *progress.mutable_candidates()->mutable_rejected();
  rejected["over_cost"] = 0;
  rejected["not_finite"] = 12;
  rejected["no_effect"] = 8;
  return progress;
}

v1::JobProgress Tuning(uint64_t done) {
  v1::JobProgress progress = Searching();
  progress.set_phase("tuning");
  progress.set_done(done);
  progress.set_total(40);
  return progress;
}

TEST(ProgressTextTest, CountsASearch) {
  v1::JobProgress progress = Searching();
  EXPECT_EQ(ProgressText(progress, 4),
            "20 proposals/s, rejected: no_effect 8 not_finite 12, duplicates 7, evaluated 50 "
            "(12.5/s, diverged 3), best none");
  progress.mutable_best()->set_objective(0.123456);
  progress.mutable_candidates()->clear_rejected();
  EXPECT_EQ(ProgressText(progress, 4),
            "20 proposals/s, rejected: none, duplicates 7, evaluated 50 (12.5/s, diverged 3), "
            "best 0.1235");
}

TEST(ProgressTextTest, NamesAPhaseOfTheStudy) {
  EXPECT_EQ(ProgressText(Tuning(3), 4), "study: tuning 3");
}

TEST(ProgressTextTest, ToleratesATimeOfZero) {
  EXPECT_NE(ProgressText({}, 0), "");
  v1::JobProgress progress;
  progress.set_phase("search");
  EXPECT_NE(ProgressText(progress, 0).find("0 proposals/s"), std::string::npos);
}

// Standard error is no terminal here, so every line is printed whole.
TEST(JobProgressLineTest, LeavesALineForEachPhase) {
  testing::internal::CaptureStderr();
  JobProgressLine line;
  EXPECT_FALSE(line.Due("search"));
  EXPECT_TRUE(line.Due("tuning"));
  line.Show(Searching(), 4, "no live worker");
  line.Show(Tuning(1), 5);
  EXPECT_FALSE(line.Due("tuning"));
  line.Finish(Tuning(40), 6);
  const std::string text = testing::internal::GetCapturedStderr();
  const std::string search = ProgressText(Searching(), 4);
  EXPECT_EQ(text, "[#####---------------]  25 %  " + search +
                      "; no live worker\n"
                      "[####################] 100 %  " +
                      search +
                      "\n"
                      "[--------------------]   2 %  study: tuning 1\n"
                      "[####################] 100 %  study: done\n");
}

TEST(BarTest, StaysInItsBounds) {
  EXPECT_EQ(Bar(3, 0), "");
  EXPECT_EQ(Bar(0, 7), "[--------------------]   0 %");
  EXPECT_EQ(Bar(7, 20), "[#######-------------]  35 %");
  EXPECT_EQ(Bar(900, 7), "[####################] 100 %");
}

}  // namespace
}  // namespace lathe
