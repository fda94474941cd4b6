// How `lathe run` ends before its job does, and that it leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>

#include "clients/run/testing/lathe_run_fixture.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

class LatheRunEndTest : public LatheRunTest {
 protected:
  // All evaluations never end from now on.
  void Hang() { Synthetic("HANG_ON", "0 1 2 3 4 5 6 7 8 9 a b c d e f"); }

  pid_t Only(const std::string& name) {
    const std::vector<pid_t> processes = Processes(name);
    EXPECT_THAT(processes, SizeIs(1));
    return processes.empty() ? 0 : processes[0];
  }
};

TEST_F(LatheRunEndTest, OneInterruptCancelsTheJob) {
  StartLong("--workers 2");
  EXPECT_THAT(Processes("lathe-worker"), SizeIs(2));
  running_->Signal(SIGINT);
  const Finished run = Finish();
  EXPECT_EQ(run.status, 130);
  EXPECT_THAT(run.errors, HasSubstr("lathe: cancelling the job; a second signal ends everything"));
  EXPECT_THAT(run.errors, HasSubstr("lathe: cancelled; --store DIR would keep"));
  EXPECT_EQ(run.output, "");
  EXPECT_FALSE(fs::exists(Path("long.lathe")));
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, OtherSignalsDoTheSame) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    StartLong();
    running_->Signal(signal);
    EXPECT_EQ(Finish().status, 128 + signal);
    ExpectNothingLeft();
  }
}

TEST_F(LatheRunEndTest, AnInterruptWhileTheServerStartsIsHeard) {
  Start("long.yaml");
  ASSERT_TRUE(Eventually([&] { return !Processes("lathe-server").empty(); }));
  running_->Signal(SIGINT);
  EXPECT_EQ(Finish().status, 130);
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, FinishedEvaluationsAreKeptInTheStore) {
  Write("job.yaml", std::string(kSmallJob) + "seed: 3\n");
  const std::string hash = JsonOf("job.yaml")["trajectory_hash"];
  Synthetic("DELAY_US", "30000");
  LogEvaluations();
  Start("job.yaml --store kept --batch 1");
  ASSERT_TRUE(WaitForEvaluations(20)) << Errors();
  running_->Signal(SIGINT);
  const Finished run = Finish();
  EXPECT_EQ(run.status, 130);
  EXPECT_THAT(run.errors, HasSubstr("lathe: cancelled; finished evaluations are kept in kept"));
  const nlohmann::json again = JsonOf("job.yaml --store kept");
  EXPECT_EQ(again["trajectory_hash"], hash);
  EXPECT_GE(again["evaluations"]["from_store"], 10);
}

TEST_F(LatheRunEndTest, EvaluationsThatNeverEndDoNotKeepIt) {
  Hang();
  LogEvaluations();
  Start("long.yaml --workers 2");
  ASSERT_TRUE(WaitForEvaluations(2)) << Errors();
  running_->Signal(SIGINT);
  EXPECT_EQ(Finish().status, 130);
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, ASecondInterruptEndsAllAtOnce) {
  Hang();
  LogEvaluations();
  Start("long.yaml --workers 2");
  ASSERT_TRUE(WaitForEvaluations(2)) << Errors();
  // A worker that does not listen.
  for (const pid_t worker : Processes("lathe-worker")) kill(worker, SIGSTOP);
  running_->Signal(SIGINT);
  ASSERT_TRUE(Eventually([&] { return Errors().find("cancelling") != std::string::npos; }));
  const auto start = std::chrono::steady_clock::now();
  running_->Signal(SIGINT);
  EXPECT_EQ(Finish().status, 130);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, DescendantsThatHideAreFound) {
  Synthetic("FORK_GRANDCHILD", Path("hidden"));
  const Finished run = Run("small.yaml");
  EXPECT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(fs::exists(Path("hidden")));
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, NobodyOutlivesARunThatIsKilled) {
  StartLong("--workers 2");
  kill(running_->Pid(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Processes("").empty(); })) << Left();
  EXPECT_FALSE(fs::is_empty(Path("tmp")));
  EXPECT_EQ(Finish().status, -SIGKILL);
  running_.reset();
  EXPECT_EQ(Run("small.yaml").status, 0);
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, AServerThatDiesEndsTheRun) {
  StartLong();
  kill(Only("lathe-server"), SIGKILL);
  const Finished run = Finish();
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.errors, HasSubstr("lathe: the server was killed by signal 9 (Killed); the end of "
                                    "its log:\n"));
  ExpectNothingLeft();
}

TEST_F(LatheRunEndTest, WorkersAndEvaluatorsThatDieChangeNothing) {
  const std::string hash = JsonOf("small.yaml")["trajectory_hash"];
  for (const char* name : {"lathe-worker", "lathe-evaluator-synthetic"}) {
    Synthetic("DELAY_US", "20000");
    LogEvaluations();
    Start("small.yaml --workers 1 --batch 4 --json out.json");
    ASSERT_TRUE(WaitForEvaluations(10)) << Errors();
    kill(Only(name), SIGKILL);
    const Finished run = Finish();
    ASSERT_EQ(run.status, 0) << run.errors;
    EXPECT_EQ(Json("out.json")["trajectory_hash"], hash) << name;
    const bool told = run.errors.find(
                          "lathe: worker 0 was killed by signal 9 (Killed); starting it "
                          "again\n") != std::string::npos;
    EXPECT_EQ(told, name == std::string("lathe-worker")) << run.errors;
    ExpectNothingLeft();
  }
}

// A terminal that can be closed.
class TerminalTest : public LatheRunEndTest {
 protected:
  ~TerminalTest() override {
    if (pid_ > 0) kill(pid_, SIGKILL);
  }

  void StartOnTerminal(const std::string& script) {
    const std::string all = "cd " + folder_ + "; " + script;
    pid_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    ASSERT_GE(pid_, 0);
    if (pid_ > 0) return;
    execl("/bin/sh", "sh", "-c", all.c_str(), nullptr);
    _exit(127);
  }

  // Reads what is shown until a line of it holds the text.
  bool Shows(const std::string& text) {
    char buffer[4096];
    while (shown_.find(text) == std::string::npos) {
      const ssize_t bytes = read(terminal_, buffer, sizeof buffer);
      if (bytes <= 0) return false;
      shown_.append(buffer, static_cast<size_t>(bytes));
    }
    return true;
  }

  int WaitForEnd() {
    int status = 0;
    EXPECT_TRUE(Eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }));
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string shown_;
};

TEST_F(TerminalTest, CtrlCOnATerminal) {
  Synthetic("DELAY_US", "2000");
  StartOnTerminal(Script("long.yaml"));
  ASSERT_TRUE(Shows("evaluated")) << shown_;
  ASSERT_EQ(write(terminal_, "\x03", 1), 1);
  EXPECT_TRUE(Shows("lathe: cancelled")) << shown_;
  EXPECT_EQ(WaitForEnd(), 130);
  close(terminal_);
  ExpectNothingLeft();
}

TEST_F(TerminalTest, ATerminalThatGoesAwayEndsTheRun) {
  Synthetic("DELAY_US", "2000");
  StartOnTerminal(Script("long.yaml"));
  ASSERT_TRUE(Shows("evaluated")) << shown_;
  close(terminal_);
  EXPECT_EQ(WaitForEnd(), 129);
  ExpectNothingLeft();
}

TEST_F(TerminalTest, ARunThatIgnoresThatGoesOnToItsEnd) {
  Synthetic("DELAY_US", "20000");
  LogEvaluations();
  StartOnTerminal("trap '' HUP; " + Script("small.yaml --json out.json"));
  ASSERT_TRUE(WaitForEvaluations(5)) << shown_;
  close(terminal_);
  EXPECT_EQ(WaitForEnd(), 1) << "the table cannot be shown";
  EXPECT_EQ(Json("out.json")["state"], "succeeded");
  ExpectNothingLeft();
}

}  // namespace
}  // namespace lathe
