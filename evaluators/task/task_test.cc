#include "evaluators/task/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "evaluators/task/model.h"
#include "evaluators/task/testing/tasks.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ResolveTask, FillsTheDocumentedDefaults) {
  const v1::Task expected = FromText(R"(
      dataset: "digits" train_examples: 1000 validation_examples: 397 test_examples: 400
      feature_scale_exponent: 1 mlp { hidden: 32 } batch: 32 steps: 100 schedule: COSINE
      base_lr: 1 objective: VALIDATION_LOSS seed: 1 seeds: 4 label_noise: 0 warmup_steps: 0
      target_loss: 0.3
      data { content_hash: "bda8267fc78a7c5b5eeec1e0241a6a7e" examples: 1797 shape: [ 1, 8, 8 ]
             classes: 10 })");
  EXPECT_EQ(Default().DebugString(), expected.DebugString());
}

TEST(ResolveTask, FillsEveryField) {
  const v1::Task task = Default();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  task.GetReflection()->ListFields(task, &set);
  // One model of four.
  EXPECT_EQ(set.size(), static_cast<size_t>(v1::Task::descriptor()->field_count() - 3));
}

TEST(ResolveTask, FillsTheDocumentedModels) {
  const auto resolved = ResolveTask(FromText("conv_net {}"));
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_THAT(resolved->conv_net().channels(), ElementsAre(8, 16));
  EXPECT_FALSE(resolved->has_mlp());
  EXPECT_EQ(ResolveTask(*resolved)->SerializeAsString(), resolved->SerializeAsString());
}

TEST(ResolveTask, ChangesNothingAboutAResolvedTask) {
  const v1::Task task = ResolveTask(FromText("mlp {} feature_scale_exponent: 0 seed: 0")).value();
  EXPECT_EQ(task.mlp().hidden_size(), 0);
  EXPECT_EQ(task.feature_scale_exponent(), 0);
  EXPECT_EQ(task.seed(), 0u);
  EXPECT_EQ(ResolveTask(task)->SerializeAsString(), task.SerializeAsString());
}

TEST(ResolveTask, KnowsOneZero) {
  const v1::Task task = ResolveTask(FromText("feature_scale_exponent: -0.0")).value();
  EXPECT_FALSE(std::signbit(task.feature_scale_exponent()));
}

struct BadTask {
  std::string text, message;
};

class RefusedTask : public testing::TestWithParam<BadTask> {};

TEST_P(RefusedTask, NamesTheFieldAndWhatIsAllowed) {
  const absl::Status status = ResolveTask(FromText(GetParam().text)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTask,
    testing::Values(
        BadTask{"dataset: \"mnist\"",
                "task.dataset: unknown dataset \"mnist\"; known: digits; `lathe data "
                "add` registers others in a worker's data directory"},
        BadTask{"torchscript { name: \"net\" }",
                "task.torchscript.name: unknown model \"net\"; known: none; `lathe data add` "
                "registers models in a worker's data directory"},
        BadTask{"torchscript { name: \"../net\" }",
                "task.torchscript.name: unknown model \"../net\"; known: none; `lathe data add` "
                "registers models in a worker's data directory"},
        BadTask{"torchscript {}",
                "task.torchscript.name: unknown model \"\"; known: none; `lathe data add` "
                "registers models in a worker's data directory"},
        BadTask{"torchscript { name: \"net\" description { content_hash: 'x' } }",
                "task.torchscript.description.content_hash: 32 hexadecimal digits, a to f small, "
                "are required"},
        BadTask{"dataset: \"a\\nb\"",
                "task.dataset: unknown dataset \"a\\nb\"; known: digits; `lathe data "
                "add` registers others in a worker's data directory"},
        BadTask{"transformer { layers: 4294967295 }",
                "task.transformer: the examples of digits are no text"},
        BadTask{"dataset: \"poems\" data { content_hash: '0000000000000000000000000000000a' "
                "examples: 100000 classes: 90 } label_noise: 0.1 transformer {}",
                "task.label_noise: the examples of poems are text and have no labels; allowed: 0"},
        BadTask{"dataset: \"poems\" data { content_hash: '0000000000000000000000000000000a' "
                "examples: 100000 classes: 90 } transformer { layers: 4294967295 }",
                "task.transformer.layers: 4294967295 is not allowed; allowed: 1 to 32"},
        BadTask{"conv_net { channels: [4294967295, 4294967295] }",
                "task.conv_net.channels[0]: 4294967295 is not allowed; allowed: 1 to 1024"},
        BadTask{"mlp { hidden: [4294967295, 4294967295] }",
                "task.mlp.hidden[0]: 4294967295 is not allowed; allowed: 1 to 4096"},
        BadTask{"train_examples: 1001",
                "task.train_examples: 1001 and 397 validation_examples and 400 test_examples are "
                "1798 together; allowed: at most the 1797 of digits"},
        BadTask{"test_examples: 4294967295",
                "task.train_examples: 1000 and 397 validation_examples and 4294967295 "
                "test_examples are 4294968692 together; allowed: at most the 1797 of digits"},
        BadTask{"feature_scale_exponent: 6.5",
                "task.feature_scale_exponent: 6.5 is not allowed; allowed: 0 to 6"},
        BadTask{"feature_scale_exponent: nan",
                "task.feature_scale_exponent: nan is not allowed; allowed: 0 to 6"},
        BadTask{"feature_scale_exponent: -1",
                "task.feature_scale_exponent: -1 is not allowed; allowed: 0 to 6"},
        BadTask{"mlp { hidden: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] }",
                "task.mlp.hidden: 17 layers are not allowed; allowed: at most 16"},
        BadTask{"mlp { hidden: [1, 0] }",
                "task.mlp.hidden[1]: 0 is not allowed; allowed: 1 to 4096"},
        BadTask{"mlp { hidden: 4097 }",
                "task.mlp.hidden[0]: 4097 is not allowed; allowed: 1 to 4096"},
        BadTask{"mlp { hidden: [4096, 4096, 4096] }",
                "task.mlp.hidden: a model of 33869834 parameters is not allowed; allowed: at most "
                "33554432"},
        BadTask{"conv_net { channels: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] }",
                "task.conv_net.channels: 17 convolutions are not allowed; allowed: at most 16"},
        BadTask{"conv_net { channels: [1, 0] }",
                "task.conv_net.channels[1]: 0 is not allowed; allowed: 1 to 1024"},
        BadTask{"conv_net { channels: [1024, 1024, 1024, 1024, 1024] }",
                "task.conv_net.channels: a model of 37773322 parameters is not allowed; allowed: "
                "at most 33554432"},
        BadTask{"transformer {}", "task.transformer: the examples of digits are no text"},
        BadTask{"batch: 1001", "task.batch: 1001 is not allowed; allowed: 1 to 1000"},
        BadTask{"steps: 1000001", "task.steps: 1000001 is not allowed; allowed: 1 to 1000000"},
        BadTask{"base_lr: 0", "task.base_lr: 0 is not allowed; allowed: finite numbers above 0"},
        BadTask{"base_lr: inf",
                "task.base_lr: inf is not allowed; allowed: finite numbers above 0"},
        BadTask{"base_lr: nan",
                "task.base_lr: nan is not allowed; allowed: finite numbers above 0"},
        BadTask{"label_noise: 1.5", "task.label_noise: 1.5 is not allowed; allowed: 0 to 1"},
        BadTask{"label_noise: -1", "task.label_noise: -1 is not allowed; allowed: 0 to 1"},
        BadTask{"warmup_steps: 1000001",
                "task.warmup_steps: 1000001 is not allowed; allowed: 0 to 1000000"},
        BadTask{"target_loss: 0",
                "task.target_loss: 0 is not allowed; allowed: finite numbers above 0"},
        BadTask{"seeds: 1001", "task.seeds: 1001 is not allowed; allowed: 1 to 1000"}));

TEST(ResolveTask, KnowsTheDatasetsOfACatalog) {
  const v1::Task task = ResolveTask(FromText("dataset: 'mine'"), WithMine()).value();
  EXPECT_EQ(task.data().DebugString(), WithMine().at("mine").DebugString());
  EXPECT_EQ(task.train_examples(), 1000u) << "as of any dataset";
  EXPECT_THAT(ParameterShapes(task),
              ElementsAre(Shape{32, 60}, Shape{32, 1}, Shape{7, 32}, Shape{7, 1}));
  // It says all by itself from now on.
  EXPECT_EQ(ResolveTask(task)->DebugString(), task.DebugString());
  EXPECT_EQ(std::string(ResolveTask(FromText("dataset: 'mine' test_examples: 604"), WithMine())
                            .status()
                            .message()),
            "task.train_examples: 1000 and 397 validation_examples and 604 test_examples are 2001 "
            "together; allowed: at most the 2000 of mine");
}

TEST(ResolveTask, DataThatAreGivenPinTheContent) {
  const auto message = [](const std::string& text, const DatasetCatalog& catalog) {
    const absl::StatusOr<v1::Task> task = ResolveTask(FromText(text), catalog);
    return task.ok() ? task->data().ShortDebugString() : std::string(task.status().message());
  };
  const DatasetCatalog none = ShippedDatasets(), mine = WithMine();
  const std::string hash = "content_hash: '0123456789abcdef0123456789abcdef' ";
  const std::string whole = mine.at("mine").ShortDebugString();
  EXPECT_EQ(message("dataset: 'mine' data { " + hash + "}", mine), whole);
  EXPECT_EQ(message("dataset: 'mine' data {}", mine), whole);
  EXPECT_EQ(message("dataset: 'mine' data { " + std::string(kMine) + " }", none), whole);
  // Other content than the catalog has now: whoever has it may run it.
  std::string other(kMine);
  other.replace(other.find("0123"), 4, "ffff");
  EXPECT_THAT(message("dataset: 'mine' data { " + other + " }", mine), HasSubstr("ffff"));
  EXPECT_EQ(message("dataset: 'mine' data { " + hash + "}", none),
            "task.data.examples: 0 is not allowed; allowed: 1 to 2147483647");
  EXPECT_THAT(message("dataset: 'mine' data { " + hash + "classes: 6 }", mine),
              HasSubstr("task.data: is not what mine of that content is; required: content_hash"));
  EXPECT_EQ(message("data { " + hash + "}", none),
            "task.data.content_hash: \"0123456789abcdef0123456789abcdef\" is not the content of "
            "digits; required: bda8267fc78a7c5b5eeec1e0241a6a7e");
  EXPECT_THAT(message("dataset: '../mine' data { " + std::string(kMine) + " }", none),
              HasSubstr("task.dataset: unknown dataset \"../mine\""));
}

TEST(ResolveTask, ATextIsNotForAnMlp) {
  DatasetCatalog catalog;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "content_hash: '0123456789abcdef0123456789abcdef' examples: 100000 classes: 65",
      &catalog["poems"]));
  EXPECT_EQ(std::string(ResolveTask(FromText("dataset: 'poems'"), catalog).status().message()),
            "task.dataset: poems is text; allowed with task.mlp: datasets of examples");
}

TEST(ResolveTask, AllowsTheLimitsThemselves) {
  const char* const tasks[] = {
      "train_examples: 1795 validation_examples: 1 test_examples: 1 batch: 1795",
      "steps: 1000000 seeds: 1000 feature_scale_exponent: 6", "batch: 1 steps: 1 seeds: 1",
      "mlp { hidden: [4096,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4096] }", "base_lr: 1e-300"};
  for (const char* text : tasks) EXPECT_TRUE(ResolveTask(FromText(text)).ok()) << text;
}

TEST(ResolveTask, RefusesUnknownEnumValues) {
  v1::Task task;
  task.set_schedule(static_cast<v1::Task::Schedule>(9));
  EXPECT_EQ(std::string(ResolveTask(task).status().message()),
            "task.schedule: unknown value 9; known: COSINE, CONSTANT, LINEAR");
  task.clear_schedule();
  task.set_objective(static_cast<v1::Task::Objective>(-1));
  EXPECT_EQ(std::string(ResolveTask(task).status().message()),
            "task.objective: unknown value -1; known: VALIDATION_LOSS, VALIDATION_ERROR, "
            "TRAINING_LOSS_AREA, STEPS_TO_TARGET");
}

TEST(ResolveTask, RefusesFieldsOfALaterVersion) {
  v1::Task task;
  ASSERT_TRUE(task.ParseFromString("\xf8\x06\x01"));  // field 111
  EXPECT_THAT(std::string(ResolveTask(task).status().message()), HasSubstr("does not know"));
  v1::Task with_mlp, with_conv_net;
  ASSERT_TRUE(with_mlp.mutable_mlp()->ParseFromString("\xf8\x06\x01"));
  EXPECT_FALSE(ResolveTask(with_mlp).ok());
  ASSERT_TRUE(with_conv_net.mutable_conv_net()->ParseFromString("\xf8\x06\x01"));
  EXPECT_THAT(std::string(ResolveTask(with_conv_net).status().message()),
              HasSubstr("does not know"));
  v1::Task with_data = Default();
  ASSERT_TRUE(with_data.mutable_data()->MergeFromString("\xf8\x06\x01"));
  EXPECT_FALSE(ResolveTask(with_data).ok());
}

TEST(OverrideTask, ReplacesWhatIsSet) {
  const v1::Task base = ResolveTask(FromText("steps: 7")).value();
  const v1::Task task = OverrideTask(base, FromText("batch: 3 mlp { hidden: [5, 6] } seed: 0"));
  v1::Task expected = base;
  expected.set_batch(3);
  expected.set_seed(0);
  expected.mutable_mlp()->clear_hidden();
  expected.mutable_mlp()->add_hidden(5);
  expected.mutable_mlp()->add_hidden(6);
  EXPECT_EQ(task.DebugString(), expected.DebugString());
  EXPECT_EQ(OverrideTask(base, v1::Task()).DebugString(), base.DebugString());
}

TEST(OverrideTask, ReplacesTheModel) {
  const v1::Task net = ResolveTask(FromText("conv_net { channels: [4, 5] }")).value();
  EXPECT_THAT(OverrideTask(net, FromText("conv_net { channels: 6 }")).conv_net().channels(),
              ElementsAre(6));
  EXPECT_TRUE(OverrideTask(net, FromText("mlp {}")).has_mlp());
  EXPECT_TRUE(OverrideTask(Default(), FromText("conv_net {}")).has_conv_net());
  EXPECT_THAT(OverrideTask(net, FromText("steps: 3")).conv_net().channels(), ElementsAre(4, 5));
}

TEST(OverrideTask, OtherDataReplaceWhatIsKnownOfTheFirst) {
  const v1::Task base = Default();
  EXPECT_FALSE(OverrideTask(base, FromText("dataset: 'mine'")).has_data());
  EXPECT_TRUE(OverrideTask(base, FromText("dataset: 'digits'")).has_data());
  const v1::Task given =
      OverrideTask(base, FromText("dataset: 'mine' data { " + std::string(kMine) + " }"));
  EXPECT_EQ(given.data().DebugString(), WithMine().at("mine").DebugString());
}

TEST(LearningRate, FollowsTheSchedule) {
  const v1::Task cosine = ResolveTask(FromText("steps: 100 base_lr: 0.5")).value();
  EXPECT_EQ(LearningRate(cosine, 1), 0.5);
  EXPECT_NEAR(LearningRate(cosine, 51), 0.25, 1e-15);
  EXPECT_NEAR(LearningRate(cosine, 100), 0.25 * (1 + std::cos(M_PI * 0.99)), 1e-15);
  const v1::Task constant = ResolveTask(FromText("schedule: CONSTANT base_lr: 0.5")).value();
  EXPECT_EQ(LearningRate(constant, 1), 0.5);
  EXPECT_EQ(LearningRate(constant, 100), 0.5);
  const v1::Task linear =
      ResolveTask(FromText("schedule: LINEAR base_lr: 0.5 steps: 50 warmup_steps: 5")).value();
  EXPECT_EQ(LearningRate(linear, 1), 0.5 / 5);
  EXPECT_EQ(LearningRate(linear, 4), 0.5 * 0.94 * 4 / 5);
  EXPECT_EQ(LearningRate(linear, 5), 0.5 * 0.92);
  EXPECT_EQ(LearningRate(linear, 50), 0.5 * (1 - 49.0 / 50));
}

}  // namespace
}  // namespace lathe
