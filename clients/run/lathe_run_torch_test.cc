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

// From a file of text to a search over optimizers of a language model.
TEST_F(LatheRunTest, TrainsATransformerOnRegisteredText) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "the cat sat " + std::to_string(i % 7) + "\n";
  Write("cats.txt", text);
  auto added =
      ChildProcess::Start({.program = LATHE,
                           .arguments = {"data", "add", "cats", "--format", "text",
                                         folder_ + "/cats.txt", "--data", folder_ + "/data"}});
  ASSERT_TRUE(added.ok()) << added.status();
  ASSERT_EQ(added->Wait().code, 0);
  Write("cats.yaml", std::string(kNetJob) +
                         "task: {dataset: cats, train_examples: 200, validation_examples: 40, "
                         "test_examples: 40, batch: 8, steps: 4, seeds: 1, "
                         "transformer: {context: 8, width: 8, layers: 1}}\n");
  const std::string arguments = std::string("cats.yaml --data data") + kOwnEvaluator;
  const nlohmann::json one = JsonOf(arguments + " --workers 1");
  EXPECT_EQ(one["state"], "succeeded");
  EXPECT_EQ(JsonOf(arguments + " --workers 2")["trajectory_hash"], one["trajectory_hash"]);
}

TEST_F(LatheRunTest, TakesOneModel) {
  Write("net.yaml", std::string(kNetJob) + "task: {seeds: 1, conv_net: {}, mlp: {}}\n");
  const Finished run = Run("net.yaml");
  EXPECT_EQ(run.status, 2);
  EXPECT_THAT(run.errors, testing::HasSubstr("task.mlp: excludes conv_net, which is given too"));
}

}  // namespace
}  // namespace lathe
