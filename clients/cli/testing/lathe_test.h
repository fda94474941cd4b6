// Runs the program itself, as a user runs it, against a service of the test.
#ifndef LATHE_CLIENTS_CLI_TESTING_LATHE_TEST_H_
#define LATHE_CLIENTS_CLI_TESTING_LATHE_TEST_H_

#include <fcntl.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "clients/cli/testing/fake_search_service.h"
#include "process/child_process.h"

namespace lathe {

inline std::string Contents(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class LatheTest : public testing::Test {
 protected:
  struct Finished {
    ExitStatus status;
    std::string output, errors;
  };

  LatheTest() {
    std::string pattern = testing::TempDir() + "/lathe-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    unsetenv("LATHE_SERVER");
  }
  ~LatheTest() override {
    // Streams of clients that are gone would keep it.
    if (server_) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(10));
    std::filesystem::remove_all(folder_);
  }

  std::string Socket() const { return "unix:" + (folder_ / "socket").string(); }

  void Serve() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    builder.AddListeningPort(Socket(), grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  // Its output goes to a file, or to the given descriptor.
  ChildProcess Start(const std::vector<std::string>& arguments, int terminal = -1) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    const int output = open(Path("stdout").c_str(), kFlags, 0600);
    const int errors = open(Path("stderr").c_str(), kFlags, 0600);
    auto child =
        ChildProcess::Start({.program = program_,
                             .arguments = arguments,
                             .descriptors = {{terminal < 0 ? output : terminal, 1}, {errors, 2}}});
    close(output);
    close(errors);
    EXPECT_TRUE(child.ok()) << child.status();
    return *std::move(child);
  }

  Finished Finish(ChildProcess& child) {
    const ExitStatus status = child.Wait();
    return {status, Contents(folder_ / "stdout"), Contents(folder_ / "stderr")};
  }

  // With the service's address.
  Finished Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", Socket()});
    return RunAlone(arguments);
  }
  Finished RunAlone(const std::vector<std::string>& arguments) {
    ChildProcess child = Start(arguments);
    return Finish(child);
  }

  // What a command prints with --json: one document on one line.
  nlohmann::json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Finished run = Run(arguments);
    EXPECT_EQ(run.status.code, 0) << run.errors;
    EXPECT_EQ(LinesOf(run.output).size(), 1u) << run.output;
    return nlohmann::json::parse(run.output, nullptr, /*allow_exceptions=*/false);
  }

  std::string program_ = LATHE_BINARY;
  std::filesystem::path folder_;
  FakeSearchService service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_TESTING_LATHE_TEST_H_
