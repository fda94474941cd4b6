// Runs `lathe prog`, as a user runs it.
#ifndef LATHE_CLIENTS_CLI_TESTING_PROG_TEST_H_
#define LATHE_CLIENTS_CLI_TESTING_PROG_TEST_H_

#include <string>
#include <utility>
#include <vector>

#include "clients/cli/testing/lathe_test.h"

namespace lathe {

class ProgTest : public LatheTest {
 protected:
  // With `input` on standard input.
  Finished Prog(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "prog");
    Write("stdin", input);
    std::vector<std::pair<int, int>> descriptors;
    descriptors.emplace_back(open(Path("stdin").c_str(), O_RDONLY | O_CLOEXEC), 0);
    for (const char* name : {"stdout", "stderr"}) {
      constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
      descriptors.emplace_back(open(Path(name).c_str(), kFlags, 0600),
                               static_cast<int>(descriptors.size()));
    }
    auto child = ChildProcess::Start(
        {.program = LATHE_BINARY, .arguments = arguments, .descriptors = descriptors});
    for (const auto& [here, there] : descriptors) close(here);
    EXPECT_TRUE(child.ok()) << child.status();
    return Finish(*child);
  }

  // What a command prints with --json: one document on one line.
  nlohmann::json ProgJson(std::vector<std::string> arguments, int code = 0) {
    arguments.push_back("--json");
    const Finished run = Prog(std::move(arguments));
    EXPECT_EQ(run.status.code, code) << run.errors;
    EXPECT_EQ(LinesOf(run.output).size(), 1u) << run.output;
    return nlohmann::json::parse(run.output, nullptr, /*allow_exceptions=*/false);
  }

  // That a command line is refused with the status and a message, and prints nothing else.
  void ExpectError(const std::vector<std::string>& arguments, int code,
                   const std::string& message) {
    const Finished run = Prog(arguments);
    EXPECT_EQ(run.status.code, code) << run.errors << run.output;
    EXPECT_NE(run.errors.find(message), std::string::npos) << run.errors;
    EXPECT_EQ(run.output, "");
  }
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_TESTING_PROG_TEST_H_
