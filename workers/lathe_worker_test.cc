// The program itself, run as an operator runs it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "process/child_process.h"
#include "workers/file_descriptor.h"
#include "workers/testing/fake_worker_service.h"
#include "workers/testing/items.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Seen = FakeWorkerService::Seen;

constexpr double kPatience = 60;  // s

class LatheWorkerTest : public testing::Test {
 protected:
  LatheWorkerTest() {
    std::string pattern = testing::TempDir() + "/lathe-worker-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    server_.emplace(folder_ / "socket");
  }
  ~LatheWorkerTest() override {
    server_.reset();
    fs::remove_all(folder_);
  }

  ChildProcess Start(std::vector<std::string> arguments) {
    const FileDescriptor output(
        open((folder_ / "output").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    return ChildProcess::Start({.program = LATHE_WORKER,
                                .arguments = std::move(arguments),
                                .descriptors = {{output.Number(), 1}, {output.Number(), 2}}})
        .value();
  }

  // With the fake server and the given evaluator.
  ChildProcess StartServed(const std::string& evaluator, std::vector<std::string> further = {}) {
    server_->Start();
    std::vector<std::string> arguments = {"--server", "unix:" + (folder_ / "socket").string(),
                                          "--evaluator", evaluator};
    arguments.insert(arguments.end(), further.begin(), further.end());
    return Start(std::move(arguments));
  }

  int ExitStatusOf(ChildProcess& process) {
    EXPECT_TRUE(process.WaitFor(kPatience)) << Read("output");
    const std::optional<ExitStatus> status = process.Poll();
    return status && status->signal == 0 ? status->code : -1;
  }

  // A program that calls the synthetic evaluator with further flags and writes down its number.
  std::string Evaluator(const std::string& flags) {
    const fs::path path = folder_ / "evaluator";
    std::ofstream(path) << "#!/bin/bash\necho $$ > " << (folder_ / "pid") << "\nexec "
                        << LATHE_EVALUATOR_SYNTHETIC << " \"$@\" --log " << (folder_ / "log") << " "
                        << flags << "\n";
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }

  std::string Read(const std::string& name) {
    std::stringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }

  bool WaitForFile(const std::string& name) {
    return Eventually([&] { return !Read(name).empty(); });
  }

  template <typename Condition>
  static bool Eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  bool EvaluatorIsGone() {
    const std::string path = "/proc/" + std::to_string(std::stoi(Read("pid"))) + "/stat";
    return Eventually([&] {
      std::ifstream file(path);
      std::string number, name, state;
      return !(file >> number >> name >> state) || state == "Z" || name != "(lathe-evaluator)";
    });
  }

  void AddItems(int count) {
    for (int i = 0; i < count; ++i) server_->Add(ItemFor(ScaledGradient(i + 2)));
  }

  fs::path folder_;
  std::optional<FakeWorkerService> server_;
};

struct BadStart {
  const char* name;
  std::vector<std::string> arguments;
  int status;
  const char* said;  // part of the message
};

// How test listings show a case.
void PrintTo(const BadStart& start, std::ostream* out) {
  *out << start.name;
}

class BadStartTest : public LatheWorkerTest, public testing::WithParamInterface<BadStart> {};

TEST_P(BadStartTest, IsToldInOneLine) {
  ChildProcess worker = Start(GetParam().arguments);
  EXPECT_EQ(ExitStatusOf(worker), GetParam().status);
  EXPECT_THAT(Read("output"), HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadStartTest,
    testing::Values(
        BadStart{"unknown_flag", {"--frobnicate"}, 2, "--frobnicate"},
        BadStart{"no_batch", {"--batch", "0"}, 2, "--batch"},
        BadStart{"big_batch", {"--batch", "4097"}, 2, "--batch"},
        BadStart{"elsewhere", {"--server", "192.168.0.1:7433"}, 2, "192.168.0.1"},
        BadStart{"missing_evaluator", {"--evaluator", "/nowhere"}, 1, "lathe-worker: /nowhere "},
        BadStart{"failing_evaluator", {"--evaluator", "/bin/false"}, 1, "exited with status 1"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(LatheWorkerTest, WithoutDataSaysWhatItsEvaluatorSays) {
  ChildProcess worker = Start({"--evaluator", Evaluator("--no-data")});
  EXPECT_EQ(ExitStatusOf(worker), 1);
  EXPECT_THAT(Read("output"), HasSubstr("digits: there are no data on purpose"));
}

TEST_F(LatheWorkerTest, EvaluatesAndIsDrainedBySigterm) {
  AddItems(40);
  ChildProcess worker = StartServed(Evaluator("--delay-us 20000"), {"--name", "the-worker"});
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.accepted.size() > 3; }));
  worker.Signal(SIGTERM);
  EXPECT_EQ(ExitStatusOf(worker), 0) << Read("output");
  const Seen seen = server_->Read();
  EXPECT_EQ(seen.registrations[0].worker().display_name(), "the-worker");
  EXPECT_EQ(seen.calls.back(), "unregister");
  std::set<std::string> started, reported;
  std::istringstream log(Read("log"));
  for (std::string hash; log >> hash;) started.insert(hash);
  for (const v1::ItemResult& result : seen.accepted) reported.insert(result.program_hash());
  EXPECT_EQ(started, reported) << "what was started is finished and reported";
  EXPECT_LT(started.size(), 40u);
  EXPECT_TRUE(EvaluatorIsGone());
}

TEST_F(LatheWorkerTest, ASecondSignalEndsItAtOnce) {
  AddItems(3);
  ChildProcess worker =
      StartServed(Evaluator("--hang-on " + ScaledGradient(2).hash.Hex()), {"--batch", "2"});
  ASSERT_TRUE(WaitForFile("log"));
  worker.Signal(SIGINT);
  ASSERT_TRUE(Eventually([&] { return Read("output").find("draining") != std::string::npos; }));
  EXPECT_FALSE(worker.Poll());
  worker.Signal(SIGINT);
  EXPECT_EQ(ExitStatusOf(worker), 1);
  EXPECT_EQ(server_->Read().unregistered.size(), 1u);
  EXPECT_TRUE(EvaluatorIsGone());
}

TEST_F(LatheWorkerTest, ItsEvaluatorDoesNotOutliveIt) {
  AddItems(1);
  ChildProcess worker = StartServed(Evaluator("--hang-on " + ScaledGradient(2).hash.Hex()));
  ASSERT_TRUE(WaitForFile("log"));
  worker.Signal(SIGKILL);
  EXPECT_TRUE(EvaluatorIsGone());
}

TEST_F(LatheWorkerTest, ItsEvaluatorMindsNoSignalOfASupervisor) {
  AddItems(20);
  ChildProcess worker = StartServed(Evaluator("--delay-us 20000"));
  ASSERT_TRUE(WaitForFile("log"));
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) kill(std::stoi(Read("pid")), signal);
  ASSERT_TRUE(server_->WaitUntil([](const Seen& seen) { return seen.accepted.size() == 20; }));
  for (const v1::ItemResult& result : server_->Read().accepted) EXPECT_TRUE(result.has_scores());
  worker.Signal(SIGTERM);
  EXPECT_EQ(ExitStatusOf(worker), 0);
}

}  // namespace
}  // namespace lathe
