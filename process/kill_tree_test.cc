#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <thread>

#include "process/child_process.h"
#include "process/testing/script.h"

namespace lathe {
namespace {

class KillTreeTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (GetParam()) AdoptOrphans();
  }

  void TearDown() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  // Orphans that are ours are reaped, the others are init's to reap.
  static bool HasEnded(pid_t pid) { return GetParam() ? IsGone(pid) : !Runs(pid); }
};

INSTANTIATE_TEST_SUITE_P(Adopting, KillTreeTest, testing::Bool(), [](const auto& given) {
  return given.param ? "AdoptsOrphans" : "LeavesOrphansToInit";
});

// Each prints the number of a process that is to be found, then runs on or ends.
const char* const kScripts[] = {
    "sleep 300 & echo $!; wait",
    "setsid sleep 300 & echo $!; wait",
    "setsid sleep 300 & echo $!; exec sleep 300",
    "(setsid sleep 300 & echo $!); exec sleep 300",
    "(setsid sh -c 'sleep 300 & echo $!; exec sleep 300' &); wait",
    "(setsid sh -c '(setsid sleep 300 & echo $!)' &); exec sleep 300",
    "trap '' TERM INT HUP; setsid sh -c 'echo $$; sleep 300; sleep 300' & wait",
    "env -i setsid sleep 300 & echo $!; wait",
    "env -i setsid sh -c 'echo \") Z 1 1\" > /proc/self/comm; echo $$; sleep 300; exit' & wait",
    "export LATHE_PROCESS_TREE=$LATHE_PROCESS_TREE/1; (setsid sleep 300 & echo $!)",
    "(sleep 300 & echo $!)",
    "(setsid sleep 300 & echo $!)",
};

TEST_P(KillTreeTest, LeavesNothing) {
  for (const std::string script : kScripts) {
    Pipe output;
    ChildProcess child = StartScript(script, output);
    const pid_t pid = output.ReadNumber();
    EXPECT_TRUE(Runs(pid));
    child.KillTree();
    EXPECT_TRUE(IsGone(child.Pid())) << script;
    EXPECT_TRUE(HasEnded(pid)) << script;
    EXPECT_EQ(output.ReadAll(), "") << "nobody holds the other end";
    child.KillTree();
  }
}

TEST_P(KillTreeTest, DestructionKillsTheTree) {
  for (const std::string script : kScripts) {
    Pipe output;
    pid_t child = 0, pid = 0;
    {
      const ChildProcess process = StartScript(script, output);
      child = process.Pid();
      pid = output.ReadNumber();
    }
    EXPECT_TRUE(IsGone(child)) << script;
    EXPECT_TRUE(HasEnded(pid)) << script;
  }
}

TEST_P(KillTreeTest, FindsTheOrphansOfAChildThatHasEnded) {
  Pipe output;
  ChildProcess child = StartScript("setsid sleep 300 & echo $!; exit 3", output);
  const pid_t pid = output.ReadNumber();
  EXPECT_EQ(child.Wait().code, 3);
  EXPECT_FALSE(IsGone(child.Pid())) << "the number stays taken";
  EXPECT_TRUE(Runs(pid));
  child.KillTree();
  EXPECT_TRUE(IsGone(child.Pid()));
  EXPECT_TRUE(HasEnded(pid));
  EXPECT_EQ(child.Wait().code, 3) << "how it ended is kept";
}

TEST_P(KillTreeTest, OutrunsATreeThatGrows) {
  Pipe output;
  ChildProcess child = StartScript(
      "echo ready; while :; do setsid sh -c '(setsid sleep 300 &)' & sleep 0.001; done", output);
  EXPECT_EQ(output.ReadLine(), "ready");
  EXPECT_FALSE(child.WaitFor(0.1));
  child.KillTree();
  EXPECT_EQ(output.ReadAll(), "") << "nobody holds the other end";
}

TEST_P(KillTreeTest, AChildThatIgnoresSignalsIsKilled) {
  Pipe output;
  ChildProcess child =
      StartScript("trap '' TERM; echo ready; while :; do sleep 0.01; done", output);
  EXPECT_EQ(output.ReadLine(), "ready");
  child.Signal(SIGTERM);
  EXPECT_FALSE(child.WaitFor(0.1));
  child.KillTree();
  EXPECT_EQ(child.Wait().signal, SIGKILL);
}

TEST_P(KillTreeTest, AStoppedChildIsKilled) {
  Pipe output;
  ChildProcess child = StartScript("echo ready; exec sleep 300", output);
  EXPECT_EQ(output.ReadLine(), "ready");
  child.Signal(SIGSTOP);
  EXPECT_FALSE(child.WaitFor(0.05)) << "to stop is not to end";
  child.KillTree();
  EXPECT_EQ(child.Wait().signal, SIGKILL);
}

TEST_P(KillTreeTest, OtherTreesStay) {
  const std::string script = "(setsid sleep 300 & echo $!); exec sleep 300";
  Pipe output, other_output;
  ChildProcess child = StartScript(script, output);
  ChildProcess other = StartScript(script, other_output);
  const pid_t orphan = output.ReadNumber();
  const pid_t other_orphan = other_output.ReadNumber();
  const pid_t forked = fork();  // not by a ChildProcess
  if (forked == 0) _exit(5);
  child.KillTree();
  EXPECT_FALSE(Runs(orphan));
  EXPECT_TRUE(Runs(other_orphan));
  EXPECT_FALSE(other.Poll());
  int status = 0;
  EXPECT_EQ(waitpid(forked, &status, 0), forked) << "is not ours to reap";
  EXPECT_EQ(WEXITSTATUS(status), 5);
  other.KillTree();
  EXPECT_FALSE(Runs(other_orphan));
}

TEST_P(KillTreeTest, AnotherChildThatHasEndedKeepsItsStatus) {
  Pipe output;
  ChildProcess other = StartScript("exit 6", output);
  ASSERT_TRUE(Eventually([&] { return !Runs(other.Pid()); }));
  StartScript("exec sleep 300", output).KillTree();
  EXPECT_EQ(other.Wait().code, 6);
}

TEST_P(KillTreeTest, OrphansThatEndedByThemselvesAreReaped) {
  if (!GetParam()) return;
  Pipe output;
  ChildProcess child =
      StartScript("(setsid sh -c 'echo $$; exec sleep 0' &); exec sleep 300", output);
  const pid_t orphan = output.ReadNumber();
  ASSERT_TRUE(Eventually([&] { return !Runs(orphan); }));
  child.KillTree();
  EXPECT_TRUE(IsGone(orphan));
}

TEST_P(KillTreeTest, TreesOfSeveralThreadsDoNotMeet) {
  const auto use = [](int seed) {
    for (int i = 0; i < 10; ++i) {
      Pipe output;
      ChildProcess child =
          StartScript("(setsid sleep 300 & echo $!); exit " + std::to_string(seed), output);
      const pid_t orphan = output.ReadNumber();
      EXPECT_EQ(child.Wait().code, seed);
      EXPECT_TRUE(Runs(orphan));
      child.KillTree();
      EXPECT_TRUE(HasEnded(orphan));
    }
  };
  std::thread first(use, 11), second(use, 22);
  use(33);
  first.join();
  second.join();
}

}  // namespace
}  // namespace lathe
