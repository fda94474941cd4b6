#include "clients/cli/job_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kNow = 1769860800;

v1::Job RunningJob() {
  v1::Job job;
  job.set_name("jobs/0123456789abcdef");
  job.set_display_name("digits");
  job.set_state(v1::Job::RUNNING);
  job.mutable_create_time()->set_seconds(static_cast<int64_t>(kNow) - 185);
  job.mutable_start_time()->set_seconds(static_cast<int64_t>(kNow) - 100);
  v1::JobProgress& progress = *job.mutable_progress();
  progress.set_phase("search");
  progress.set_done(35);
  progress.set_total(100);
  progress.mutable_candidates()->set_proposed(500);
  progress.mutable_update_time()->set_seconds(static_cast<int64_t>(kNow) - 50);
  progress.mutable_evaluations()->set_run(12);
  progress.mutable_evaluations()->set_from_store(3);
  return job;
}

TEST(JobTableTest, HasALineForEachJob) {
  v1::Job running = RunningJob(), failed = RunningJob();
  running.mutable_progress()->mutable_best()->set_objective(0.12345);
  failed.set_state(v1::Job::FAILED);
  failed.set_state_reason("the disk\nis full");
  EXPECT_EQ(JobTable({running, failed}, kNow),
            "JOB                    NAME    STATE    AGE        BEST    PROGRESS\n"
            "jobs/0123456789abcdef  digits  running  3 min 5 s  0.1235  "
            "[#######-------------]  35 %  search\n"
            "jobs/0123456789abcdef  digits  failed   3 min 5 s  -       "
            "                              the disk is full\n");
  EXPECT_EQ(JobTable({}, kNow), "no jobs\n");
}

TEST(JobTableTest, SaysWhatAJobWaitsFor) {
  v1::Job job = RunningJob();
  job.set_waiting_for("a worker with \x1b[31mdigits");
  EXPECT_THAT(JobTable({job}, kNow), HasSubstr("waits: a worker with [31mdigits\n"));
}

TEST(WorkerTableTest, HasALineForEachWorker) {
  v1::Worker worker;
  worker.set_display_name("host:12");
  worker.set_device("cpu");
  worker.set_numeric_class("synthetic");
  worker.set_batch(16);
  worker.set_leased(4);
  worker.set_completed(1200);
  worker.set_draining(true);
  worker.mutable_heartbeat_time()->set_seconds(static_cast<int64_t>(kNow) - 3);
  EXPECT_EQ(WorkerTable({worker}, kNow),
            "WORKER   DEVICE  HOLDS    RUNS  HEARTBEAT            NUMERIC CLASS\n"
            "host:12  cpu     4 of 16  1200  3 s ago    draining  synthetic\n");
  EXPECT_EQ(WorkerTable({}, kNow), "no workers\n");
}

TEST(JobTextTest, TellsAllThatIsSet) {
  v1::Job job = RunningJob();
  job.set_waiting_for("data");
  const std::string text = JobText(job);
  EXPECT_THAT(text, HasSubstr("jobs/0123456789abcdef  digits\n"));
  EXPECT_THAT(text, HasSubstr("\nstate          running\n"));
  EXPECT_THAT(text, HasSubstr("\nwaiting for    data\n"));
  EXPECT_THAT(text, HasSubstr("35 %  10 proposals/s"));
  EXPECT_THAT(text, HasSubstr("\ntraining runs  12 run, 3 from the store, 0 shared\n"));
  EXPECT_THAT(text, Not(HasSubstr("ended")));
  EXPECT_THAT(text, Not(HasSubstr("numeric class")));
  EXPECT_THAT(text, HasSubstr("\ncandidates     500 proposed, 0 rejected,"));
  job.set_state(v1::Job::SUCCEEDED);
  EXPECT_THAT(JobText(job), Not(HasSubstr("proposals/s")));
}

TEST(StateTextTest, NamesEveryState) {
  EXPECT_EQ(StateText(v1::Job::SUCCEEDED), "succeeded");
  EXPECT_EQ(StateText(static_cast<v1::Job::State>(77)), "state 77");
  EXPECT_FALSE(HasEnded(v1::Job::QUEUED));
  EXPECT_FALSE(HasEnded(v1::Job::RUNNING));
  EXPECT_TRUE(HasEnded(v1::Job::SUCCEEDED));
  EXPECT_TRUE(HasEnded(v1::Job::FAILED));
  EXPECT_TRUE(HasEnded(v1::Job::CANCELLED));
}

TEST(CandidateTextTest, SaysWhatBecameOfIt) {
  v1::Candidate candidate;
  candidate.set_name("jobs/0123456789abcdef/candidates/7");
  candidate.set_outcome(v1::Candidate::REJECTED);
  candidate.set_filter("no_effect");
  candidate.set_operation("insert");
  candidate.add_parents(3);
  candidate.set_raw_text("lathe 1 optimizer p\nupdate = g\n");
  EXPECT_EQ(CandidateText(candidate),
            "jobs/0123456789abcdef/candidates/7\n"
            "outcome  rejected by no_effect\n"
            "made by  insert 3\n"
            "\nlathe 1 optimizer p\nupdate = g\n");
  candidate.set_outcome(v1::Candidate::OK);
  candidate.set_objective(0.5);
  candidate.set_slot(2);
  EXPECT_THAT(CandidateText(candidate), HasSubstr("slot     2\noutcome  objective 0.500000\n"));
}

TEST(ProgramTextTest, ListsEvaluations) {
  v1::Program program;
  program.set_name("programs/abc");
  program.set_text("lathe 1 optimizer p\n");
  EXPECT_EQ(ProgramText(program, {}), "programs/abc\n\nlathe 1 optimizer p\n\nno evaluations\n");
  v1::Evaluation evaluation;
  evaluation.mutable_task()->set_dataset("digits");
  evaluation.set_measured_test(true);
  evaluation.mutable_result()->set_test_error(0.25);
  v1::Evaluation diverged = evaluation;
  diverged.mutable_result()->set_diverged(true);
  const std::string text = ProgramText(program, {evaluation, diverged});
  EXPECT_THAT(text, HasSubstr("digits   0      0        0     0.000000   0.000000   0.2500"));
  EXPECT_THAT(text, HasSubstr("digits   0      0        0     diverged   -          -"));
}

TEST(LogLineTest, IsOneLine) {
  v1::LogEntry entry;
  entry.mutable_time()->set_seconds(static_cast<int64_t>(kNow));
  entry.set_severity(v1::LogEntry::WARNING);
  entry.set_message("two\nlines");
  EXPECT_EQ(LogLine(entry), "2026-01-31 12:00:00  warning  two lines");
}

}  // namespace
}  // namespace lathe
