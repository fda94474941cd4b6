// What `lathe run` does with a job whose model torch trains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/run/testing/lathe_run_fixture.h"

namespace lathe {
namespace {

constexpr char kNetJob[] = R"(name: net
window: 8
budget: {evaluations: 12}
strategy: {population: 6, tournament: 2}
)";
// Takes back the evaluator that all runs of the fixture are given.
constexpr char kOwnEvaluator[] = " --evaluator ''";

TEST_F(LatheRunTest, ChoosesTheEvaluatorThatTrainsTheModel) {
  Write("net.yaml",
        std::string(kNetJob) + "task: {seeds: 1, steps: 3, conv_net: {channels: [4]}}\n");
  const nlohmann::json net = JsonOf(std::string("net.yaml") + kOwnEvaluator);
  EXPECT_EQ(net["state"], "succeeded");
  EXPECT_THAT(net["numeric_class"].get<std::string>(), testing::HasSubstr("-torch-"));
  EXPECT_EQ(
      JsonOf(std::string("net.yaml --batch 1 --workers 2") + kOwnEvaluator)["trajectory_hash"],
      net["trajectory_hash"]);

  Write("mlp.yaml", std::string(kNetJob) + "task: {seeds: 1, steps: 3}\n");
  const nlohmann::json mlp = JsonOf(std::string("mlp.yaml") + kOwnEvaluator);
  EXPECT_THAT(mlp["numeric_class"].get<std::string>(), testing::Not(testing::HasSubstr("-torch-")));
  ExpectNothingLeft();
}

TEST_F(LatheRunTest, TakesOneModel) {
  Write("net.yaml", std::string(kNetJob) + "task: {seeds: 1, conv_net: {}, mlp: {}}\n");
  const Finished run = Run("net.yaml");
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.errors, testing::HasSubstr("task.mlp: excludes conv_net, which is given too"));
}

}  // namespace
}  // namespace lathe
