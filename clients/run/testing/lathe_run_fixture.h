// `lathe run` as a user runs it, with the evaluator that makes up its scores.
#ifndef LATHE_CLIENTS_RUN_TESTING_LATHE_RUN_FIXTURE_H_
#define LATHE_CLIENTS_RUN_TESTING_LATHE_RUN_FIXTURE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "process/testing/script.h"

namespace lathe {

// A search that takes no time, and one that takes as long as it is let.
inline constexpr const char* kSmallJob = R"(name: small
window: 8
budget: {evaluations: 60}
strategy: {population: 12, tournament: 3}
task: {seeds: 2}
)";
inline constexpr const char* kLongJob = R"(name: long
window: 8
budget: {evaluations: 1000000}
task: {seeds: 2}
)";

inline std::string ReadWhole(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class LatheRunTest : public testing::Test {
 protected:
  struct Finished {
    int status;
    std::string output, errors;
  };

  // Sets what the environment of everything that the test starts tells, and sets it back.
  LatheRunTest() {
    std::string pattern = testing::TempDir() + "/lathe-run-test-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(Path("tmp"));
    SetEnvironment("TMPDIR", Path("tmp"));
    SetEnvironment("LATHE_RUN_TEST", folder_);
    unsetenv("XDG_RUNTIME_DIR");
    Write("small.yaml", kSmallJob);
    Write("long.yaml", kLongJob);
  }
  ~LatheRunTest() override {
    running_.reset();
    EXPECT_TRUE(Eventually([&] { return Processes("").empty(); })) << Left();
    for (const std::string& name : environment_) unsetenv(name.c_str());
    std::filesystem::remove_all(folder_);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  nlohmann::json Json(const std::string& name) {
    return nlohmann::json::parse(ReadWhole(Path(name)));
  }

  // Of what is started from now on.
  void SetEnvironment(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    environment_.push_back(name);
  }
  // A setting of the evaluator.
  void Synthetic(const std::string& name, const std::string& value) {
    SetEnvironment("LATHE_SYNTHETIC_" + name, value);
  }

  // In the test's folder, where a shell reads the flags.
  static std::string Script(const std::string& flags) {
    return std::string("exec ") + LATHE + " run --evaluator " + LATHE_EVALUATOR + " " + flags;
  }

  void Start(const std::string& flags) {
    const std::string script = "cd " + folder_ + "; exec >output 2>errors; " + Script(flags);
    auto child = ChildProcess::Start({.program = "/bin/sh", .arguments = {"-c", script}});
    ASSERT_TRUE(child.ok()) << child.status();
    running_.emplace(*std::move(child));
  }
  std::string Errors() { return ReadWhole(Path("errors")); }
  Finished Finish() {
    EXPECT_TRUE(running_->WaitFor(120)) << "it does not end\n" << Errors();
    const ExitStatus status = running_->Poll().value_or(ExitStatus{-1, 0});
    return {status.signal == 0 ? status.code : -status.signal, ReadWhole(Path("output")), Errors()};
  }
  Finished Run(const std::string& flags) {
    Start(flags);
    return Finish();
  }
  nlohmann::json JsonOf(const std::string& flags) {
    const Finished run = Run(flags + " --json --quiet");
    EXPECT_EQ(run.status, 0) << run.errors;
    return nlohmann::json::parse(run.output, nullptr, /*allow_exceptions=*/false);
  }

  // The long job, until its evaluations are under way.
  void StartLong(const std::string& flags = "") {
    Synthetic("DELAY_US", "2000");
    LogEvaluations();
    Start("long.yaml " + flags);
    ASSERT_TRUE(WaitForEvaluations(20)) << Errors();
  }
  // From now on, for WaitForEvaluations.
  void LogEvaluations() {
    std::filesystem::remove(Path("log"));
    Synthetic("LOG", Path("log"));
  }
  bool WaitForEvaluations(size_t count) {
    return Eventually([&] { return Evaluations() >= count; });
  }
  size_t Evaluations() {
    const std::string log = ReadWhole(Path("log"));
    return static_cast<size_t>(std::count(log.begin(), log.end(), '\n'));
  }

  // What the test has started, directly or not, and has that name.
  std::vector<pid_t> Processes(const std::string& name) const {
    std::vector<pid_t> found;
    for (const ProcessEntry& entry : ListProcesses()) {
      const std::string folder = "/proc/" + std::to_string(entry.pid);
      const std::string mark = std::string("LATHE_RUN_TEST=") + folder_;
      if (entry.zombie || ReadWhole(folder + "/environ").find(mark) == std::string::npos) continue;
      const std::string command = ReadWhole(folder + "/cmdline");
      const std::string program = std::filesystem::path(command.c_str()).filename();
      if (name.empty() || program == name) found.push_back(entry.pid);
    }
    return found;
  }
  // The commands of those that run.
  std::string Left() const {
    std::string text;
    for (const pid_t pid : Processes("")) {
      text += ReadWhole("/proc/" + std::to_string(pid) + "/cmdline") + "\n";
    }
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text;
  }
  // Neither processes nor files.
  void ExpectNothingLeft() {
    EXPECT_EQ(Left(), "");
    EXPECT_TRUE(std::filesystem::is_empty(Path("tmp")));
  }

  std::string folder_;
  std::optional<ChildProcess> running_;

 private:
  std::vector<std::string> environment_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_RUN_TESTING_LATHE_RUN_FIXTURE_H_
