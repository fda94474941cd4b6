// Jobs on registered data, from `lathe data add` to the result, with the evaluator that trains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "clients/run/testing/lathe_run_fixture.h"
#include "evaluators/datasets/testing/made_files.h"

namespace lathe {
namespace {

using testing::HasSubstr;

constexpr const char* kTinyJob = R"(name: tiny
window: 4
budget: {evaluations: 12}
strategy: {population: 6, tournament: 2}
task:
  dataset: tiny
  train_examples: 60
  validation_examples: 20
  test_examples: 10
  batch: 10
  steps: 20
  seeds: 2
  mlp: {hidden: [4]}
)";

class LatheRunDataTest : public LatheRunTest {
 protected:
  LatheRunDataTest() {
    Write("tiny.npz", SmallNpz(90));
    Write("tiny.yaml", kTinyJob);
    flags_ = std::string(" --data data --evaluator ") + LATHE_REAL_EVALUATOR;
  }
  void Shell(const std::string& command) {
    auto child = ChildProcess::Start(
        {.program = "/bin/sh", .arguments = {"-c", "cd " + folder_ + "; exec " + command}});
    ASSERT_TRUE(child.ok()) << child.status();
    EXPECT_EQ(child->Wait().code, 0) << command;
  }
  void AddTiny() {
    Shell(std::string(LATHE) + " data add tiny --format npz tiny.npz --data data >/dev/null");
  }

  std::string flags_;
};

TEST_F(LatheRunDataTest, FindsTheSameWithAnyNumberOfWorkersAndInOneProcess) {
  AddTiny();
  std::set<std::string> hashes;
  for (const char* workers : {" --workers 1", " --workers 2"}) {
    const nlohmann::json report = JsonOf("tiny.yaml" + flags_ + workers);
    EXPECT_EQ(report["state"], "succeeded");
    hashes.insert(report["trajectory_hash"]);
  }
  Shell(std::string(LATHE_LOCAL) +
        " tiny.yaml --data data --quiet --json local.json --out local.lathe >/dev/null");
  hashes.insert(Json("local.json")["trajectory_hash"]);
  EXPECT_EQ(hashes.size(), 1u);
  ExpectNothingLeft();
}

TEST_F(LatheRunDataTest, DataThatAreNotRegisteredAreRefusedAtOnce) {
  const Finished run = Run("tiny.yaml" + flags_);
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.errors,
            "lathe: tiny.yaml: task.dataset: unknown dataset \"tiny\"; known: digits; `lathe data "
            "add` registers others in a worker's data directory\n");
}

TEST_F(LatheRunDataTest, DamagedDataAreRefusedBeforeTheFirstProposal) {
  AddTiny();
  for (const auto& entry : std::filesystem::directory_iterator(Path("data/tiny"))) {
    if (entry.path().extension() == ".data") std::filesystem::resize_file(entry.path(), 100);
  }
  const Finished run = Run("tiny.yaml" + flags_);
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.errors, HasSubstr(".data: has 100 bytes; required: 1530\n"));
}

TEST_F(LatheRunDataTest, SplitsHaveToFit) {
  AddTiny();
  const Finished run = Run("tiny.yaml --set task.train_examples=61" + flags_);
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.errors, HasSubstr("are 91 together; allowed: at most the 90 of tiny"));
}

}  // namespace
}  // namespace lathe
