// Commands about jobs, through the program itself.
#include <gmock/gmock.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "clients/cli/testing/lathe_test.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

v1::Job MakeJob(const std::string& digits, v1::Job::State state = v1::Job::RUNNING) {
  v1::Job job;
  job.set_name("jobs/" + digits);
  job.set_display_name("digits");
  job.set_state(state);
  job.mutable_progress()->set_phase("search");
  job.mutable_progress()->set_total(100);
  return job;
}

class JobsTest : public LatheTest {};

TEST_F(JobsTest, SubmitPrintsTheName) {
  Serve();
  Write("job.yaml", "name: tiny\nbudget: {evaluations: 12}\n");
  const Finished run =
      Run({"submit", Path("job.yaml"), "--seed", "7", "--set", "window=3", "--request-id", "once"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_EQ(run.output, "jobs/00000000000000aa\n");
  const v1::CreateJobRequest created = service_.Created();
  EXPECT_EQ(created.spec().name(), "tiny");
  EXPECT_EQ(created.spec().seed(), 7u);
  EXPECT_EQ(created.spec().window(), 3u);
  EXPECT_EQ(created.request_id(), "once");
  EXPECT_EQ(RunJson({"submit", Path("job.yaml")})["state"], "QUEUED");
}

TEST_F(JobsTest, SubmitNamesThePlaceOfAMistake) {
  Write("typo.yaml", "name: tiny\nbudget: {evaluatoins: 3}\n");
  Finished run = Run({"submit", Path("typo.yaml")});  // no server is needed to see it
  EXPECT_EQ(run.status.code, 2);
  EXPECT_THAT(run.errors, HasSubstr("lathe: " + Path("typo.yaml") + ":2:10: budget.evaluatoins"));
  run = Run({"submit", Path("nowhere.yaml")});
  EXPECT_EQ(run.status.code, 2);
  EXPECT_THAT(run.errors, HasSubstr("nowhere.yaml: cannot read the file"));
}

TEST_F(JobsTest, SubmitSaysWhatTheServerRefuses) {
  service_.create_error = WithReason(
      absl::InvalidArgumentError("strategy.tournament: 11 is not allowed"), "FIELD_INVALID");
  Serve();
  Write("job.yaml", "name: tiny\n");
  Finished run = Run({"submit", Path("job.yaml")});
  EXPECT_EQ(run.status.code, 2);
  EXPECT_EQ(run.errors,
            "lathe: " + Path("job.yaml") + ": strategy.tournament: 11 is not allowed\n");
  EXPECT_EQ(run.output, "");
}

TEST_F(JobsTest, ListsEveryPage) {
  for (int i = 0; i < 5; ++i) service_.jobs.push_back(MakeJob(absl::StrCat("000000000000000", i)));
  service_.most_per_page = 2;
  service_.full_pages = true;
  Serve();
  const nlohmann::json list = RunJson({"jobs", "--all"});
  EXPECT_EQ(service_.Calls("ListJobs"), 3);
  ASSERT_EQ(list["jobs"].size(), 5u);
  EXPECT_EQ(list["jobs"][4]["name"], "jobs/0000000000000004");
  EXPECT_EQ(list["jobs"][4]["display_name"], "digits");
  EXPECT_EQ(list["next_page_token"], "");
  EXPECT_EQ(RunJson({"jobs", "--limit", "3"})["jobs"].size(), 3u);
  const Finished run = Run({"jobs"});
  const std::vector<std::string> lines = LinesOf(run.output);
  ASSERT_EQ(lines.size(), 6u) << run.output;
  EXPECT_THAT(lines[1], HasSubstr("jobs/0000000000000000  digits  running"));
}

TEST_F(JobsTest, ListsNothing) {
  Serve();
  EXPECT_EQ(Run({"jobs"}).output, "no jobs\n");
  EXPECT_EQ(RunJson({"jobs"})["jobs"], nlohmann::json::array());
}

TEST_F(JobsTest, NamesOfJobsCannotMoveTheCursor) {
  service_.jobs = {MakeJob("0000000000000001")};
  service_.jobs[0].set_display_name("a\x1b[2J\nb");
  Serve();
  const Finished run = Run({"jobs"});
  EXPECT_EQ(LinesOf(run.output).size(), 2u) << run.output;
  EXPECT_THAT(run.output, HasSubstr("a[2J b"));
}

TEST_F(JobsTest, CancelFindsAJobByItsDigits) {
  service_.jobs = {MakeJob("0000000000000abc"), MakeJob("00000000000001bc"),
                   MakeJob("0000000000000002", v1::Job::SUCCEEDED)};
  Serve();
  EXPECT_EQ(Run({"cancel", "abc"}).output, "jobs/0000000000000abc is cancelled\n");
  EXPECT_EQ(Run({"cancel", "jobs/00000000000001bc"}).status.code, 0);
  EXPECT_EQ(RunJson({"cancel", "0000000000000abc"})["state"], "CANCELLED");
  const Finished several = Run({"cancel", "bc"});
  EXPECT_EQ(several.status.code, 2);
  EXPECT_THAT(several.errors, HasSubstr("jobs/0000000000000abc, jobs/00000000000001bc"));
  const Finished none = Run({"cancel", "ffff"});
  EXPECT_EQ(none.status.code, 1);
  EXPECT_THAT(none.errors, HasSubstr("there is no job"));
  const Finished ended = Run({"cancel", "2"});
  EXPECT_EQ(ended.status.code, 1);
  EXPECT_EQ(ended.errors, "lathe: jobs/0000000000000002 has ended\n");
  const Finished wrong = Run({"cancel", "digits"});
  EXPECT_EQ(wrong.status.code, 2);
  EXPECT_THAT(wrong.errors, HasSubstr("\"digits\" is no name"));
  EXPECT_EQ(Run({"cancel", std::string(32, 'a')}).status.code, 2) << "a program";
}

TEST_F(JobsTest, EachVerbSaysWhatBecomesOfTheJob) {
  service_.jobs = {MakeJob("0000000000000abc")};
  Serve();
  EXPECT_EQ(Run({"pause", "abc"}).output, "jobs/0000000000000abc is paused\n");
  EXPECT_EQ(Run({"resume", "abc"}).output, "jobs/0000000000000abc goes on\n");
  EXPECT_EQ(Run({"stop", "abc"}).output, "jobs/0000000000000abc finishes what it has proposed\n");
  EXPECT_EQ(Run({"delete", "abc"}).output, "jobs/0000000000000abc is deleted\n");
  EXPECT_EQ(RunJson({"pause", "abc"})["state"], "PAUSED");
  EXPECT_EQ(RunJson({"delete", "abc"})["name"], "jobs/0000000000000abc");
  for (const char* verb : {"pause", "resume", "stop", "delete"}) {
    EXPECT_EQ(Run({verb, "ffff"}).status.code, 1) << verb;
    EXPECT_EQ(Run({verb}).status.code, 2) << verb;
  }
  EXPECT_EQ(service_.Calls("DeleteJob"), 2);
}

TEST_F(JobsTest, VerifySaysWhatIsNotAsRecorded) {
  service_.jobs = {MakeJob("0000000000000abc")};
  v1::VerifyJobResponse equal;
  equal.set_candidate("jobs/0000000000000abc/candidates/3");
  equal.add_recorded()->set_objective(0.5);
  equal.add_repeated()->set_objective(0.5);
  equal.set_equal(true);
  service_.verified = {equal, equal};
  Serve();
  const Finished good = Run({"verify", "abc", "--sample", "2"});
  EXPECT_EQ(good.status.code, 0) << good.errors;
  EXPECT_EQ(good.output, "2 candidates repeated, every bit as recorded\n");
  v1::VerifyJobResponse different = equal, failed = equal;
  different.set_equal(false);
  different.mutable_repeated(0)->set_objective(std::nextafter(0.5, 1));
  failed.set_equal(false);
  failed.set_problem("the evaluator crashed");
  service_.verified = {equal, different, failed};
  const Finished bad = Run({"verify", "abc"});
  EXPECT_EQ(bad.status.code, 1);
  EXPECT_EQ(bad.output,
            "jobs/0000000000000abc/candidates/3\n"
            "  seed 0: recorded 0.5, repeated 0.50000000000000011\n"
            "jobs/0000000000000abc/candidates/3: the evaluator crashed\n");
  EXPECT_THAT(bad.errors, HasSubstr("2 of 3 candidates are not as recorded"));
  EXPECT_EQ(Run({"verify", "abc", "--sample", "0"}).status.code, 2);
}

class LogsTest : public LatheTest {
 protected:
  LogsTest() {
    service_.jobs = {MakeJob("0000000000000001")};
    service_.most_per_page = 2;
    for (int i = 0; i < 5; ++i) service_.entries.push_back(Entry(i));
  }

  static v1::LogEntry Entry(int i) {
    v1::LogEntry entry;
    entry.set_sequence(i);
    entry.set_severity(v1::LogEntry::INFO);
    entry.set_message(absl::StrCat("line ", i, "\x1b[31m"));
    return entry;
  }
};

TEST_F(LogsTest, PrintsEveryPage) {
  Serve();
  const Finished run = Run({"logs", "1"});
  const std::vector<std::string> lines = LinesOf(run.output);
  ASSERT_EQ(lines.size(), 5u) << run.output << run.errors;
  EXPECT_EQ(lines[4], "-  info     line 4[31m");
  const nlohmann::json log = RunJson({"logs", "1"});
  ASSERT_EQ(log["entries"].size(), 5u);
  EXPECT_EQ(log["entries"][4]["severity"], "INFO");
}

TEST_F(LogsTest, FollowEndsWithTheJobAndRepeatsNothing) {
  service_.on_get_job = [&](int call, v1::Job* job) {
    if (call == 2) service_.AddEntry(Entry(5));
    if (call < 3) return;
    job->set_state(v1::Job::SUCCEEDED);
    service_.AddEntry(Entry(6));
  };
  Serve();
  const Finished run = Run({"logs", "1", "--follow", "--json"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  const std::vector<std::string> lines = LinesOf(run.output);
  ASSERT_EQ(lines.size(), 7u) << run.output;
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(nlohmann::json::parse(lines[i])["sequence"], std::to_string(i));
  }
}

TEST_F(LogsTest, FollowEndsAtCtrlC) {
  Serve();
  ChildProcess child = Start({"logs", "1", "--follow", "--server", Socket()});
  service_.WaitForCalls("GetJob", 2);
  child.Signal(SIGINT);
  const Finished run = Finish(child);
  EXPECT_EQ(run.status.code, 130) << run.errors;
  EXPECT_EQ(LinesOf(run.output).size(), 5u);
}

}  // namespace
}  // namespace lathe
