#include "process/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstdlib>
#include <memory>

#include "process/testing/script.h"

namespace lathe {
namespace {

using testing::HasSubstr;

ExitStatus ResultOf(const std::string& script) {
  const Pipe output;
  return StartScript(script, output).Wait();
}

std::string OutputOf(const ChildOptions& options) {
  Pipe output;
  ChildOptions with_output = options;
  with_output.descriptors.emplace_back(output.Writing(), 1);
  auto child = ChildProcess::Start(with_output);
  EXPECT_TRUE(child.ok()) << child.status();
  std::string text = output.ReadAll();
  EXPECT_TRUE(child->Wait().Clean()) << child->Wait().Text();
  return text;
}

TEST(ChildProcessTest, TellsHowItEnded) {
  EXPECT_TRUE(ResultOf("exit 0").Clean());
  EXPECT_EQ(ResultOf("exit 0").Text(), "exited with status 0");
  EXPECT_EQ(ResultOf("exit 3").code, 3);
  EXPECT_FALSE(ResultOf("exit 3").Clean());
  EXPECT_EQ(ResultOf("exit 255").Text(), "exited with status 255");
  EXPECT_EQ(ResultOf("kill -9 $$").signal, 9);
  EXPECT_FALSE(ResultOf("kill -9 $$").Clean());
  EXPECT_EQ(ResultOf("kill -9 $$").Text(), "was killed by signal 9 (Killed)");
  EXPECT_EQ(ResultOf("kill -TERM $$").Text(), "was killed by signal 15 (Terminated)");
  EXPECT_EQ((ExitStatus{0, 40}).Text(), "was killed by signal 40");
}

TEST(ChildProcessTest, GivesArgumentsAsTheyAre) {
  EXPECT_EQ(OutputOf({.program = "/usr/bin/printf", .arguments = {"<%s>", "", "a b", "*'\"$x\n"}}),
            "<><a b><*'\"$x\n>");
}

TEST(ChildProcessTest, SaysWhyAProgramCannotBeStarted) {
  const std::pair<std::string, std::string> programs[] = {
      {"/no/such/program", "No such file or directory"},
      {"/tmp", "Permission denied"},
      {"/dev/null", "Permission denied"},
      {"sh", "No such file or directory"},
      {"", "No such file or directory"},
  };
  for (const auto& [program, reason] : programs) {
    const auto child = ChildProcess::Start({.program = program});
    EXPECT_EQ(child.status(), absl::NotFoundError(program + " cannot be started: " + reason));
  }
  const auto child =
      ChildProcess::Start({.program = "/bin/true", .descriptors = {{1'000'000'000, 5}}});
  EXPECT_EQ(child.status(),
            absl::NotFoundError("/bin/true cannot be started: Bad file descriptor"));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "nothing is left to reap";
}

TEST(ChildProcessTest, InputIsEmptyUnlessItIsGiven) {
  const Pipe ours;
  const int before = dup(0);
  ASSERT_EQ(dup2(ours.Reading(), 0), 0);
  EXPECT_EQ(OutputOf({.program = "/bin/readlink", .arguments = {"/proc/self/fd/0"}}),
            "/dev/null\n");
  Pipe input;
  ASSERT_EQ(write(input.Writing(), "text\n", 5), 5);
  EXPECT_EQ(OutputOf({.program = "/usr/bin/head",
                      .arguments = {"-n", "1"},
                      .descriptors = {{input.Reading(), 0}}}),
            "text\n");
  if (before >= 0) dup2(before, 0);
  close(before);
}

TEST(ChildProcessTest, OnlyGivenDescriptorsReachTheChild) {
  const Pipe kept, leak;
  const int plain = dup(leak.Writing());  // without close-on-exec
  ASSERT_GE(plain, 0);
  ASSERT_GE(dup2(leak.Writing(), 200), 0);
  // The shell opens the folder, as 3 or above 7.
  const std::string list = "cd /proc/self/fd && echo *";
  EXPECT_EQ(
      OutputOf(
          {.program = "/bin/sh", .arguments = {"-c", list}, .descriptors = {{kept.Writing(), 7}}}),
      "0 1 2 3 7\n");
  EXPECT_EQ(OutputOf({.program = "/bin/sh",
                      .arguments = {"-c", list},
                      .descriptors = {{kept.Writing(), 3}, {kept.Writing(), 4}}}),
            "0 1 2 3 4 5\n");
  close(plain);
  close(200);
}

TEST(ChildProcessTest, DescriptorsMayTradeNumbers) {
  Pipe first, second;
  const int a = first.Writing(), b = second.Writing();
  auto child = ChildProcess::Start(
      {.program = "/bin/bash",
       .arguments = {"-c", "echo to a >&$0; echo to b >&$1", std::to_string(a), std::to_string(b)},
       .descriptors = {{a, b}, {b, a}}});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_TRUE(child->Wait().Clean());
  EXPECT_EQ(first.ReadAll(), "to b\n");
  EXPECT_EQ(second.ReadAll(), "to a\n");
}

TEST(ChildProcessTest, SignalsAreAsAtAProgramsStart) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  sigdelset(&blocked, SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  const auto ignored_before = signal(SIGPIPE, SIG_IGN);
  const std::string text =
      OutputOf({.program = "/bin/grep", .arguments = {"Sig", "/proc/self/status"}});
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, &before, &after);
  signal(SIGPIPE, ignored_before);
  EXPECT_THAT(text, HasSubstr("SigBlk:\t0000000000000000\n"));
  EXPECT_THAT(text, HasSubstr("SigIgn:\t0000000000000000\n"));
  EXPECT_EQ(sigismember(&after, SIGTERM), 1) << "ours stay as they were";
  EXPECT_EQ(sigismember(&after, SIGUSR2), 0) << "ours stay as they were";
}

TEST(ChildProcessTest, LeadsAGroup) {
  Pipe output;
  ChildProcess child = StartScript("cut -d ' ' -f 1,5 /proc/$$/stat", output);
  const std::string pid = std::to_string(child.Pid());
  EXPECT_EQ(output.ReadAll(), pid + " " + pid + "\n");
}

TEST(ChildProcessTest, TheEnvironmentIsOursAndSaysWhoseTheTreeIs) {
  const auto variable = [](const char* name) {
    return OutputOf({.program = "/usr/bin/printenv", .arguments = {name}});
  };
  setenv("LATHE_TEST", "a value", 1);
  EXPECT_EQ(variable("LATHE_TEST"), "a value\n");
  unsetenv("LATHE_TEST");
  unsetenv(kTreeVariable);
  const std::string mark = variable(kTreeVariable);
  EXPECT_EQ(mark.size(), 33u);
  EXPECT_NE(variable(kTreeVariable), mark);
  setenv(kTreeVariable, "outer", 1);
  EXPECT_THAT(variable(kTreeVariable), testing::StartsWith("outer/"));
  EXPECT_THAT(OutputOf({.program = "/usr/bin/env"}), testing::Not(HasSubstr("TREE=outer\n")));
  unsetenv(kTreeVariable);
}

TEST(ChildProcessTest, WaitsAsLongAsItIsTold) {
  Pipe output, gate;
  auto child = ChildProcess::Start({.program = "/bin/sh",
                                    .arguments = {"-c", "read line; exit 4"},
                                    .descriptors = {{gate.Reading(), 0}}});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_FALSE(child->Poll());
  EXPECT_FALSE(child->WaitFor(0));
  EXPECT_FALSE(child->WaitFor(0.02));
  ASSERT_EQ(write(gate.Writing(), "\n", 1), 1);
  EXPECT_TRUE(child->WaitFor(60));
  ASSERT_TRUE(child->Poll());
  EXPECT_EQ(child->Poll()->code, 4);
  EXPECT_EQ(child->Wait().code, 4);
  EXPECT_TRUE(child->WaitFor(0));
}

TEST(ChildProcessTest, SignalsReachTheChild) {
  Pipe output;
  ChildProcess child =
      StartScript("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", output);
  EXPECT_EQ(output.ReadLine(), "ready");
  child.Signal(SIGTERM);
  EXPECT_EQ(child.Wait().code, 7);
  child.Signal(SIGTERM);
}

TEST(ChildProcessTest, MovesWithItsChild) {
  Pipe output;
  auto first = std::make_unique<ChildProcess>(StartScript("echo ready; exec sleep 300", output));
  EXPECT_EQ(output.ReadLine(), "ready");
  const pid_t pid = first->Pid();
  ChildProcess second = std::move(*first);
  EXPECT_EQ(second.Pid(), pid);
  first.reset();
  EXPECT_TRUE(Runs(pid));
  ChildProcess third = StartScript("exec sleep 300", output);
  const pid_t replaced = third.Pid();
  third = std::move(second);
  EXPECT_TRUE(IsGone(replaced));
  EXPECT_TRUE(Runs(pid));
  EXPECT_EQ(third.Pid(), pid);
}

// In a process of its own: starts a child, prints its number, and waits.
[[noreturn]] void BeAParent(const Pipe& output, int death_signal) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto child = ChildProcess::Start({.program = "/bin/sh",
                                          .arguments = {"-c", "echo $$; exec sleep 300"},
                                          .descriptors = {{output.Writing(), 1}},
                                          .death_signal = death_signal});
  while (child.ok()) pause();
  _exit(1);
}

TEST(ChildProcessTest, DiesWithItsParent) {
  for (int death_signal : {SIGKILL, SIGTERM}) {
    Pipe output;
    const pid_t parent = fork();
    if (parent == 0) BeAParent(output, death_signal);
    const pid_t child = output.ReadNumber();
    EXPECT_TRUE(Runs(child));
    kill(parent, SIGKILL);
    ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
    EXPECT_TRUE(Eventually([&] { return !Runs(child); }));
  }
}

}  // namespace
}  // namespace lathe
