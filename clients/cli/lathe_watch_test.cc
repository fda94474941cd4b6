// Commands that go on: watch, top, through the program itself.
#include <gmock/gmock.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <csignal>

#include "clients/cli/testing/lathe_test.h"

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kJob = "jobs/0000000000000001";

class WatchTest : public LatheTest {
 protected:
  using Writer = grpc::ServerWriter<v1::WatchJobResponse>;

  WatchTest() {
    service_.reports[kJob].set_display_name("digits");
    service_.reports[kJob].set_stop_reason("budget.evaluations");
    service_.watch = [this](int, grpc::ServerContext*, Writer* writer) {
      Send(writer, v1::Job::QUEUED, "");
      Send(writer, v1::Job::RUNNING, "search");
      Send(writer, v1::Job::RUNNING, "tuning");
      Send(writer, end_, "comparing");
      return grpc::Status::OK;
    };
  }

  void Send(Writer* writer, v1::Job::State state, const std::string& phase) {
    v1::WatchJobResponse response;
    v1::Job& job = *response.mutable_job();
    job.set_name(kJob);
    job.set_state(state);
    if (state == v1::Job::FAILED) job.set_state_reason("no \x1b[31mdisk");
    job.set_revision(++revision_);
    job.mutable_progress()->set_phase(phase);
    job.mutable_progress()->set_done(revision_);
    job.mutable_progress()->set_total(10);
    writer->Write(response);
  }

  static void WaitUntilCancelled(grpc::ServerContext* context) {
    while (!context->IsCancelled()) usleep(1000);
  }

  v1::Job::State end_ = v1::Job::SUCCEEDED;
  int revision_ = 0;
};

TEST_F(WatchTest, ShowsPhasesAndThenTheReport) {
  Serve();
  const Finished run = Run({"watch", kJob});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("digits: ended by budget.evaluations"));
  const std::vector<std::string> lines = LinesOf(run.errors);
  ASSERT_EQ(lines.size(), 5u) << run.errors;
  EXPECT_EQ(lines[0], "jobs/0000000000000001: queued");
  EXPECT_THAT(lines[1], HasSubstr("20 %  0 proposals/s"));
  EXPECT_THAT(lines[2], HasSubstr("100 %  0 proposals/s"));
  EXPECT_THAT(lines[3], HasSubstr("30 %  study: tuning 3"));
  EXPECT_THAT(lines[4], HasSubstr("100 %  study: done"));
}

TEST_F(WatchTest, JsonIsADocumentPerState) {
  Serve();
  const Finished run = Run({"watch", kJob, "--json"});
  EXPECT_EQ(run.status.code, 0);
  EXPECT_EQ(run.errors, "");
  const std::vector<std::string> lines = LinesOf(run.output);
  ASSERT_EQ(lines.size(), 4u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(nlohmann::json::parse(lines[i])["revision"], std::to_string(i + 1));
  }
}

TEST_F(WatchTest, SubmitCanWatch) {
  service_.reports["jobs/00000000000000aa"] = service_.reports[kJob];
  Serve();
  Write("job.yaml", "name: tiny\n");
  const Finished run = Run({"submit", Path("job.yaml"), "--watch"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("jobs/00000000000000aa\n\ndigits: ended"));
}

TEST_F(WatchTest, AJobThatFailsIsAFailure) {
  end_ = v1::Job::FAILED;
  Serve();
  const Finished run = Run({"watch", kJob});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(run.errors, HasSubstr("lathe: jobs/0000000000000001 has failed: no [31mdisk\n"));
  EXPECT_EQ(run.output, "");
}

TEST_F(WatchTest, GoesOnWhenTheServerIsBack) {
  service_.watch = [this](int call, grpc::ServerContext*, Writer* writer) {
    Send(writer, v1::Job::RUNNING, "search");
    if (call == 1) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
    Send(writer, v1::Job::SUCCEEDED, "search");
    return grpc::Status::OK;
  };
  Serve();
  const Finished run = Run({"watch", kJob});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_EQ(service_.Calls("WatchJob"), 2);
  EXPECT_EQ(service_.WatchedAfter(), (std::vector<int64_t>{-1, 1})) << "what was seen is not told";
  EXPECT_THAT(run.errors, HasSubstr("the server has gone; waiting for it to come back"));
}

TEST_F(WatchTest, AReaderThatWasAwayTooLongStartsFromTheJobAsItIs) {
  service_.watch = [this](int call, grpc::ServerContext*, Writer* writer) {
    if (call == 2) {
      return ToGrpc(WithReason(absl::OutOfRangeError("no longer kept"), "WATCH_TOO_OLD"));
    }
    Send(writer, v1::Job::RUNNING, "search");
    if (call == 1) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
    Send(writer, v1::Job::SUCCEEDED, "search");
    return grpc::Status::OK;
  };
  Serve();
  EXPECT_EQ(Run({"watch", kJob}).status.code, 0);
  EXPECT_EQ(service_.WatchedAfter(), (std::vector<int64_t>{-1, 1, -1}));
}

TEST_F(WatchTest, AJobThatIsNotThereIsSaid) {
  service_.watch = [](int, grpc::ServerContext*, Writer*) {
    return ToGrpc(WithReason(absl::NotFoundError("there is no such job"), "JOB_NOT_FOUND"));
  };
  Serve();
  const Finished run = Run({"watch", kJob});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_EQ(run.errors, "lathe: there is no such job\n");
}

TEST_F(WatchTest, CtrlCLeavesTheJobRunning) {
  service_.watch = [this](int, grpc::ServerContext* context, Writer* writer) {
    Send(writer, v1::Job::RUNNING, "search");
    WaitUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Serve();
  ChildProcess child = Start({"watch", kJob, "--server", Socket()});
  service_.WaitForCalls("WatchJob", 1);
  child.Signal(SIGINT);
  const Finished run = Finish(child);
  EXPECT_EQ(run.status.code, 130) << run.status.Text();
  EXPECT_THAT(run.errors, HasSubstr("lathe: jobs/0000000000000001 goes on; see it again with "
                                    "lathe watch jobs/0000000000000001"));
  EXPECT_EQ(service_.Calls("CancelJob"), 0);
}

class TopTest : public LatheTest {
 protected:
  TopTest() {
    v1::Job job;
    job.set_name(kJob);
    job.set_display_name("digits");
    job.set_state(v1::Job::RUNNING);
    service_.jobs = {job};
    v1::Worker worker;
    worker.set_display_name("host:12");
    service_.workers = {worker, worker, worker};
    service_.most_per_page = 2;
  }
};

TEST_F(TopTest, ShowsJobsAndWorkersOnce) {
  Serve();
  const Finished run = Run({"top", "--once"});
  EXPECT_EQ(run.status.code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("jobs/0000000000000001  digits  running"));
  EXPECT_EQ(LinesOf(run.output).size(), 2u + 1u + 4u) << run.output;
  EXPECT_EQ(Run({"top"}).output, run.output) << "this is no terminal";
  const nlohmann::json top = RunJson({"top", "--once"});
  EXPECT_EQ(top["jobs"].size(), 1u);
  EXPECT_EQ(top["workers"].size(), 3u);
}

TEST_F(TopTest, RedrawsATerminalUntilCtrlC) {
  Serve();
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  ASSERT_EQ(grantpt(master), 0);
  ASSERT_EQ(unlockpt(master), 0);
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  const winsize size = {24, 40, 0, 0};
  ASSERT_EQ(ioctl(terminal, TIOCSWINSZ, &size), 0);
  ChildProcess child = Start({"top", "--server", Socket()}, terminal);
  service_.WaitForCalls("ListJobs", 3);
  child.Signal(SIGINT);
  EXPECT_EQ(Finish(child).status.code, 0);
  std::string screen(1 << 16, '\0');
  screen.resize(std::max<ssize_t>(0, read(master, screen.data(), screen.size())));
  close(terminal);
  close(master);
  const std::string home = "\x1b[HJOB ",
                    line = "jobs/0000000000000001  digits  running  \x1b[K\r\n";
  const size_t first = screen.find(home);
  ASSERT_NE(first, std::string::npos) << screen;
  EXPECT_NE(screen.find(home, first + 1), std::string::npos) << screen;
  EXPECT_THAT(screen, HasSubstr(line)) << "cut at the terminal's width";
}

TEST_F(TopTest, JsonIsADocumentPerSecondUntilCtrlC) {
  Serve();
  ChildProcess child = Start({"top", "--json", "--server", Socket()});
  service_.WaitForCalls("ListJobs", 2);
  child.Signal(SIGINT);
  const Finished run = Finish(child);
  EXPECT_EQ(run.status.code, 0) << run.status.Text() << run.errors;
  const std::vector<std::string> lines = LinesOf(run.output);
  EXPECT_GE(lines.size(), 2u);
  for (const std::string& line : lines) {
    EXPECT_EQ(nlohmann::json::parse(line)["workers"].size(), 3u);
  }
}

}  // namespace
}  // namespace lathe
