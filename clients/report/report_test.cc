#include "clients/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::JobReport SmallReport() {
  v1::JobReport report;
  report.set_display_name("small");
  report.set_seed(5);
  report.set_numeric_class("synthetic");
  report.set_stop_reason("budget.evaluations");
  report.set_trajectory_hash(std::string(32, 'a'));
  report.mutable_candidates()->set_proposed(9);
  report.mutable_candidates()->set_diverged(2);
  (*report.mutable_candidates()->mutable_rejected())["no_effect"] = 3;
  report.mutable_best()->set_candidate(7);
  report.mutable_best()->set_objective(0.25);
  report.mutable_best()->mutable_program()->set_text("lathe 1 optimizer p0\nupdate = g\n");
  report.mutable_best()->mutable_program()->set_hash(std::string(32, 'b'));
  *report.mutable_found() = report.best().program();
  report.mutable_evaluations()->set_from_store(4);
  return report;
}

void AddStudy(v1::JobReport* report) {
  v1::StudyReport& study = *report->mutable_study();
  study.set_seeds(6);
  v1::SearchSummary& search = *study.add_searches();
  search.set_name("found");
  search.add_winners()->set_candidate(7);
  study.add_searches()->set_name("unlucky");
  v1::ArenaResult& arena = *study.add_arenas();
  arena.set_name("own");
  arena.set_test_examples(400);
  arena.set_verdict("It is better.");
  v1::MethodResult& found = *arena.add_methods();
  found.set_name("found");
  found.set_setting("update x 2");
  v1::MethodResult& baseline = *arena.add_methods();
  baseline.set_name("adamw");
  baseline.mutable_test_loss()->set_mean(std::numeric_limits<double>::quiet_NaN());
  baseline.mutable_test_loss()->set_median(INFINITY);
  baseline.mutable_loss_difference()->set_p_value(0.00001);
  baseline.mutable_error_difference()->set_mean_difference(-0.01);
  report->mutable_found()->set_setting("update x 2");
}

TEST(ReportJsonTest, NamesWhatProgramsRead) {
  const nlohmann::json report = ReportJson(SmallReport());
  EXPECT_EQ(report["state"], "succeeded");
  EXPECT_EQ(report["seed"], 5);
  EXPECT_EQ(report["candidates"]["failed"], 2);
  EXPECT_EQ(report["candidates"]["rejected"]["no_effect"], 3);
  EXPECT_EQ(report["best"]["objectives"], nlohmann::json::array({0.25}));
  EXPECT_EQ(report["best"]["id"], std::string(32, 'b'));
  EXPECT_EQ(report["evaluations"]["from_store"], 4);
  EXPECT_TRUE(report["study"].is_null());
  EXPECT_TRUE(ReportJson({})["best"].is_null());
}

TEST(ReportJsonTest, OfAStudyHasNumbersOrNull) {
  v1::JobReport report = SmallReport();
  AddStudy(&report);
  const nlohmann::json study = ReportJson(report)["study"];
  EXPECT_EQ(study["searches"][0]["chosen"], 7);
  EXPECT_TRUE(study["searches"][1]["chosen"].is_null());
  const nlohmann::json& methods = study["arenas"][0]["methods"];
  EXPECT_FALSE(methods[0].contains("found_minus_this_loss"));
  EXPECT_FALSE(methods[0].contains("base_lr"));
  EXPECT_TRUE(methods[1]["test_loss"]["mean"].is_null());
  EXPECT_TRUE(methods[1]["test_loss"]["median"].is_null());
  EXPECT_EQ(methods[1]["found_minus_this_error"]["mean_difference"], -0.01);
  // It can be written: JSON knows no infinity.
  EXPECT_THAT(study.dump(), Not(HasSubstr("inf")));
}

TEST(ReportTextTest, OfASearchEndsWithTheProgram) {
  const std::string text = ReportText(SmallReport());
  EXPECT_THAT(text, HasSubstr("small: ended by budget.evaluations after 0.0 s\n"));
  EXPECT_THAT(text, HasSubstr("(seed 5, synthetic)"));
  EXPECT_THAT(text, HasSubstr("\nThe found program:\n\nlathe 1 optimizer p0"));
  EXPECT_THAT(text, Not(HasSubstr("Searches")));
}

TEST(ReportTextTest, OfAStudyHasATableAndItsSentences) {
  v1::JobReport report = SmallReport();
  AddStudy(&report);
  const std::string text = ReportText(report);
  EXPECT_THAT(text, HasSubstr("unlucky                      0 evaluated of        0 proposed; "
                              "nothing ran through\n"));
  EXPECT_THAT(text, HasSubstr("own: test split of 400 images, 6 fresh seeds"));
  EXPECT_THAT(text, HasSubstr("  adamw                   -      inf   0.0000"));
  EXPECT_THAT(text, HasSubstr("<0.0001    4.0"));
  EXPECT_THAT(text, HasSubstr("It is better. \n"));
  EXPECT_THAT(text, HasSubstr("tuned on the search's own task (update x 2):"));
}

TEST(ReportTextTest, OfNothingSaysSo) {
  v1::JobReport report;
  report.mutable_study()->add_searches()->set_name("found");
  EXPECT_THAT(ReportText(report), HasSubstr("Nothing was found: no candidate ran through.\n"));
  EXPECT_THAT(ReportText(report), Not(HasSubstr("The found program")));
}

TEST(FoundProgramFileTest, SaysWhereTheProgramComesFrom) {
  v1::JobReport report = SmallReport();
  AddStudy(&report);
  EXPECT_EQ(FoundProgramFile(report),
            "# Found by the job small, seed 5.\n"
            "# trajectory aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, synthetic\n"
            "# program bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, tuned on the search's own task "
            "(update x 2)\n"
            "lathe 1 optimizer p0\nupdate = g\n");
}

}  // namespace
}  // namespace lathe
