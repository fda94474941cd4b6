#include "evaluators/task/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "evaluators/task/task.h"
#include "evaluators/task/testing/tasks.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParameterShapes, AreWeightAndBiasLayerByLayer) {
  EXPECT_THAT(ParameterShapes(Default()),
              ElementsAre(Shape{32, 64}, Shape{32, 1}, Shape{10, 32}, Shape{10, 1}));
  EXPECT_THAT(ParameterShapes(ResolveTask(FromText("mlp {}")).value()),
              ElementsAre(Shape{10, 64}, Shape{10, 1}));
}

TEST(ParameterShapes, AreThoseOfAConvNet) {
  const v1::Task net = ResolveTask(FromText("conv_net { channels: [4, 5, 6, 7] }")).value();
  // 8x8, 4x4, 2x2, 1x1, and no pooling of that.
  EXPECT_THAT(ParameterShapes(net),
              ElementsAre(Shape{4, 9}, Shape{4, 1}, Shape{5, 36}, Shape{5, 1}, Shape{6, 45},
                          Shape{6, 1}, Shape{7, 54}, Shape{7, 1}, Shape{10, 7}, Shape{10, 1}));
  EXPECT_THAT(ParameterShapes(ResolveTask(FromText("conv_net { channels: 3 }")).value()),
              ElementsAre(Shape{3, 9}, Shape{3, 1}, Shape{10, 3 * 4 * 4}, Shape{10, 1}));
}

TEST(ParameterShapes, AreThoseOfATransformer) {
  const v1::Task task =
      FromText("data { classes: 10 } transformer { context: 6 width: 8 heads: 2 layers: 1 }");
  EXPECT_THAT(ParameterShapes(task),
              ElementsAre(Shape{10, 8}, Shape{6, 8}, Shape{8, 1}, Shape{24, 8}, Shape{8, 8},
                          Shape{8, 1}, Shape{32, 8}, Shape{8, 32}, Shape{8, 1}, Shape{10, 8}));
}

TEST(MultiplyAdds, CountAConvolutionAtEveryPlace) {
  const v1::Task net = ResolveTask(FromText("conv_net { channels: [4, 5] }")).value();
  EXPECT_EQ(MultiplyAdds(net), 64 * 9 * 4 + 16 * 36 * 5 + 10 * 5 * 4);
}

TEST(MultiplyAdds, CountATransformerAtEveryToken) {
  const v1::Task task =
      FromText("data { classes: 10 } transformer { context: 6 width: 8 heads: 2 layers: 1 }");
  double parameters = 0;
  for (const Shape& shape : ParameterShapes(task)) {
    parameters += static_cast<double>(shape.Elements());
  }
  EXPECT_EQ(MultiplyAdds(task), 6 * parameters + 2 * 6 * 6 * 8);
}

TEST(ResolveTask, TakesUpWhatAModelIs) {
  const v1::Task task = OwnTask(OwnModel()).value();
  EXPECT_EQ(task.torchscript().description().DebugString(), OwnModel().DebugString());
  EXPECT_EQ(task.torchscript().loss(), v1::TorchScript::CROSS_ENTROPY);
  EXPECT_EQ(task.torchscript().start(), v1::TorchScript::SAVED);
  EXPECT_EQ(ResolveTask(task).value().DebugString(), task.DebugString()) << "needs no catalog";
  EXPECT_EQ(ParameterShapes(task)[1].rows, 12);
  EXPECT_EQ(ParameterShapes(task)[0].cols, 64);
  EXPECT_EQ(MultiplyAdds(task), 800);
  EXPECT_EQ(Activations(task), 76);
}

TEST(ResolveTask, AModelsContentMayBePinned) {
  const std::string hash = OwnModel().content_hash();
  const v1::Task pinned =
      FromText("torchscript { name: \"own\" description { content_hash: \"" + hash + "\" } }");
  const auto task = ResolveTask(pinned, {ShippedDatasets(), {{"own", OwnModel()}}});
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->torchscript().description().rows_size(), 2);
  v1::ModelDescription lie = OwnModel();
  lie.set_outputs(11);
  v1::Task told = pinned;
  *told.mutable_torchscript()->mutable_description() = lie;
  EXPECT_THAT(
      std::string(ResolveTask(told, {ShippedDatasets(), {{"own", OwnModel()}}}).status().message()),
      HasSubstr("task.torchscript.description: is not what own of that content is"));
}

TEST(ResolveTask, RefusesModelsThatDoNotFit) {
  const auto refused = [](const auto& change, const std::string& more = "") {
    v1::ModelDescription model = OwnModel();
    change(model);
    const absl::Status status = OwnTask(model, more).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(refused([](v1::ModelDescription& model) { model.set_shape(1, 9); }),
            "task.torchscript.name: own takes 1x9x8; digits has 1x8x8");
  EXPECT_EQ(refused([](v1::ModelDescription& model) { model.set_outputs(9); }),
            "task.torchscript.name: own returns 9 numbers for 10 classes of digits; required: at "
            "least as many");
  EXPECT_EQ(refused([](v1::ModelDescription& model) { model.set_columns(0, 1 << 25); }),
            "task.torchscript.name: a model of 402653196 parameters is not allowed; allowed: at "
            "most 33554432");
  EXPECT_EQ(refused([](v1::ModelDescription& model) { model.set_activations(1e9); }),
            "task.batch: a batch of 32 takes 488281 MiB in this model; allowed: at most 2048 MiB");
  EXPECT_EQ(refused([](v1::ModelDescription& model) {
              model.set_input(v1::ModelDescription::TOKENS);
              model.clear_shape();
              model.add_shape(8);
            }),
            "task.torchscript.name: own takes 8 tokens; digits has 1x8x8");
}

}  // namespace
}  // namespace lathe
