// What `lathe run` finds, says and writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "clients/run/testing/lathe_run_fixture.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TEST_F(LatheRunTest, FindsTheSameWithAnyNumberOfWorkersAndAnyBatch) {
  Synthetic("DELAY_US", "1000");
  std::set<std::string> hashes, programs;
  for (const char* flags : {"--workers 1 --batch 1", "--workers 1 --batch 16",
                            "--workers 2 --batch 1", "--workers 2 --batch 16"}) {
    const nlohmann::json report = JsonOf(std::string("small.yaml --seed 7 ") + flags);
    EXPECT_EQ(report["state"], "succeeded");
    EXPECT_EQ(report["seed"], 7);
    EXPECT_EQ(report["candidates"]["evaluated"], 60);
    EXPECT_EQ(report["numeric_class"], "synthetic");
    EXPECT_GT(report["evaluations"]["run"], 0);
    EXPECT_EQ(report["job"].get<std::string>().rfind("jobs/", 0), 0u);
    hashes.insert(report["trajectory_hash"]);
    programs.insert(ReadWhole(Path("small.lathe")));
  }
  EXPECT_EQ(hashes.size(), 1u);
  EXPECT_EQ(programs.size(), 1u);
  EXPECT_NE(hashes, std::set<std::string>{JsonOf("small.yaml --seed 8")["trajectory_hash"]});
  ExpectNothingLeft();
}

TEST_F(LatheRunTest, PrintsATableAndWritesWhatItFound) {
  const Finished run = Run("small.yaml --out found.lathe --json out.json --batch 4");
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("small: ended by budget.evaluations"));
  EXPECT_THAT(run.output, HasSubstr(Json("out.json")["trajectory_hash"].get<std::string>()));
  EXPECT_THAT(run.output, HasSubstr("written to found.lathe\n"));
  EXPECT_THAT(ReadWhole(Path("found.lathe")), HasSubstr("# Found by the job small, seed 1."));
  EXPECT_THAT(run.errors, HasSubstr("evaluated 60"));
  EXPECT_FALSE(fs::exists(Path("small.lathe")));
  ExpectNothingLeft();
}

TEST_F(LatheRunTest, QuietlySaysNothingOnStandardError) {
  const Finished run = Run("--json small.yaml --quiet --workers 1 --batch 8");
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.errors, "");
  EXPECT_TRUE(nlohmann::json::accept(run.output)) << run.output;
}

TEST_F(LatheRunTest, RunsTheStudyUnlessToldNotTo) {
  Write("study.yaml", std::string(kSmallJob) +
                          "study:\n  seeds: 3\n  winners: 2\n  winner_seeds: 2\n"
                          "  tuning_seeds: 2\n"
                          "  baselines: [{program: lion, base_lr: [0.001, 0.01]}]\n");
  EXPECT_EQ(JsonOf("study.yaml")["study"]["seeds"], 3);
  EXPECT_TRUE(JsonOf("study.yaml --search-only")["study"].is_null());
}

TEST_F(LatheRunTest, AStoreAnswersLaterRuns) {
  LogEvaluations();
  const nlohmann::json first = JsonOf("small.yaml --store kept");
  const size_t evaluations = Evaluations();
  EXPECT_EQ(first["evaluations"]["run"], evaluations);
  const nlohmann::json second = JsonOf("small.yaml --store kept");
  EXPECT_EQ(Evaluations(), evaluations) << "something ran again";
  EXPECT_EQ(second["evaluations"]["run"], 0);
  EXPECT_EQ(second["evaluations"]["from_store"], evaluations);
  EXPECT_EQ(second["trajectory_hash"], first["trajectory_hash"]);
  EXPECT_NE(second["job"], first["job"]);
  ExpectNothingLeft();
}

TEST_F(LatheRunTest, WithoutAStoreEachRunStartsAnew) {
  EXPECT_GT(JsonOf("small.yaml")["evaluations"]["run"], 0);
  EXPECT_GT(JsonOf("small.yaml")["evaluations"]["run"], 0);
}

TEST_F(LatheRunTest, AStoreInUseIsNotShared) {
  StartLong("--store kept");
  std::optional<ChildProcess> first = std::exchange(running_, std::nullopt);
  const Finished second = Run("small.yaml --store kept");
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.errors, HasSubstr("lathe: the server did not start"));
  EXPECT_THAT(second.errors, HasSubstr("in use"));
}

TEST_F(LatheRunTest, WarnsOfWorkersThatWouldBeIdle) {
  EXPECT_THAT(
      Run("small.yaml --workers 2 --batch 5").errors,
      HasSubstr("lathe: warning: 2 workers x batch 5 = 10, but the job's window lets only 8 "
                "candidates be evaluated at a time"));
  EXPECT_THAT(Run("small.yaml --workers 2 --batch 4").errors, Not(HasSubstr("warning")));
}

TEST_F(LatheRunTest, ServesMetricsWhereItIsTold) {
  EXPECT_THAT(Run("small.yaml --metrics 127.0.0.1:0").errors,
              HasSubstr("metrics on http://127.0.0.1:"));
}

TEST_F(LatheRunTest, OutputThatCannotBePrintedIsAFailure) {
  Start("small.yaml --json >/dev/full");
  const Finished run = Finish();
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.errors, HasSubstr("lathe: standard output: No space left on device"));
  EXPECT_TRUE(fs::exists(Path("small.lathe"))) << "the files come first";
}

TEST_F(LatheRunTest, NobodyWhoReadsIsNoReasonToEnd) {
  // The warning is read, and nothing after it.
  Start("small.yaml --json out.json --workers 1 --batch 16 2>&1 | read warning");
  Finish();
  EXPECT_EQ(Json("out.json")["state"], "succeeded");
  ExpectNothingLeft();
}

struct BadInput {
  const char* name;
  const char* flags;
  int status;
  const char* said;
};

void PrintTo(const BadInput& input, std::ostream* out) {
  *out << input.flags;
}

class BadRunTest : public LatheRunTest, public testing::WithParamInterface<BadInput> {};

TEST_P(BadRunTest, IsToldAndLeavesNothingBehind) {
  Write("typo.yaml", "name: tiny\nbudget: {evaluatoins: 3}\n");
  Write("no_name.yaml", "budget: {evaluations: 3}\n");
  Write("slash.yaml", "name: no/where\nbudget: {evaluations: 3}\n");
  Write("file", "");
  fs::create_directory(Path("folder"));
  LogEvaluations();
  const auto before = std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  const Finished run = Run(GetParam().flags);
  EXPECT_EQ(run.status, GetParam().status) << run.errors;
  EXPECT_THAT(run.errors, HasSubstr(GetParam().said));
  EXPECT_EQ(run.output, "");
  EXPECT_EQ(Evaluations(), 0u);
  ExpectNothingLeft();
  for (const char* name : {"output", "errors"}) fs::remove(Path(name));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), before);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRunTest,
    testing::Values(
        BadInput{"no_job", "", 2, "lathe: JOB is required"},
        BadInput{"json_is_no_job", "--json out.json", 2, "lathe: JOB is required"},
        BadInput{"unknown_flag", "small.yaml --frobnicate", 2, "--frobnicate"},
        BadInput{"no_workers", "small.yaml --workers 0", 2, "--workers"},
        BadInput{"no_batch", "small.yaml --batch 0", 2, "--batch"},
        BadInput{"missing_job", "nowhere.yaml", 2, "lathe: nowhere.yaml: cannot read"},
        BadInput{"unknown_field", "typo.yaml", 2, "lathe: typo.yaml:2:10: budget.evaluatoins"},
        BadInput{"unknown_override", "small.yaml --set budget.x=3", 2, "--set budget.x=3"},
        BadInput{"job_without_a_name", "no_name.yaml", 2, "lathe: no_name.yaml: name"},
        BadInput{"name_with_a_slash", "slash.yaml", 2, "lathe: slash.yaml: name"},
        BadInput{"bad_value", "small.yaml --set strategy.tournament=99", 2,
                 "lathe: small.yaml: strategy.tournament"},
        BadInput{"one_file_twice", "small.yaml --json x --out x", 2, "same file"},
        BadInput{"no_folder_for_out", "small.yaml --out no/where", 1, "lathe: no/where"},
        BadInput{"folder_as_json", "small.yaml --json folder", 1, "lathe: folder"},
        BadInput{"bad_metrics", "small.yaml --metrics 10.0.0.1:80", 2, "lathe: --metrics"},
        BadInput{"metrics_on_a_socket", "small.yaml --metrics unix:x", 2, "lathe: --metrics"},
        BadInput{"store_is_a_file", "small.yaml --store file", 1,
                 "lathe: the server did not start"},
        BadInput{"missing_evaluator", "small.yaml --evaluator nowhere --workers 1", 1,
                 "lathe: the workers end as soon as they are started: worker 0 exited"}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace lathe
