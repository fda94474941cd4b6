// Layers in the reference executor: images as groups of channels, and what stands for the batch in
// evaluation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "dsl/buffers.h"
#include "dsl/testing/model_run.h"
#include "dsl/text.h"

namespace lathe {
namespace {

using testing::Arrays;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Numbers = std::vector<double>;

Program Layer(const std::string& lines) {
  absl::StatusOr<Program> program = ParseOrStatus(
      "lathe 1 layer p\ninput  x[B,G,K,H,W] gamma[G,K] beta[G,K] v0[G,K] v1[G,K]\n" + lines, "p");
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : Program();
}

// Two examples of four channels, which are two groups of two, of 1 x 2 places. The place in memory
// of an NCHW array is the digits of its index: example, channel, place.
class LayerRun {
 public:
  explicit LayerRun(const std::string& lines, const Executor& executor = ReferenceExecutor()) {
    execution = *executor.Prepare(Layer(lines), shapes_);
    for (int n = 0; n < 2; ++n) {
      for (int c = 0; c < 4; ++c) {
        for (int place = 0; place < 2; ++place) {
          inputs[0][0][(n * 4 + c) * 2 + place] = 100 * n + 10 * c + place;
        }
      }
    }
    inputs[1] = {{1, 2, 3, 4}};
    inputs[2] = {{0, -1, 0, 1}};
  }

  Numbers Step(bool training) {
    Arrays outputs = testing::ZeroOutputs(LayerSignature(), shapes_);
    StepBindings bindings{testing::Refs(inputs), testing::Refs(outputs), {}};
    bindings.training = training;
    absl::Status status = execution->Step(bindings);
    EXPECT_TRUE(status.ok()) << status;
    return outputs[0][0];
  }
  Numbers Train() { return Step(true); }
  Numbers Evaluate() { return Step(false); }

 private:
  std::vector<Shape> shapes_ = {LayerShape(2, 4, 1, 2, 2)};

 public:
  Arrays inputs = testing::ZeroInputs(LayerSignature(), shapes_);
  std::unique_ptr<Execution> execution;
};

// One number by example and channel, at both places.
Numbers ByChannel(const Numbers& channels) {
  Numbers all;
  for (double x : channels) all.insert(all.end(), 2, x);
  return all;
}

TEST(LayerShape, GroupsAreTheLargestDivisorThatIsNotAboveWhatIsAsked) {
  auto groups = [](int64_t channels, int64_t asked) {
    const Shape shape = LayerShape(5, channels, 7, 9, asked);
    EXPECT_EQ(shape.groups * shape.channels, channels);
    EXPECT_EQ(shape.batch, 5);
    EXPECT_EQ(shape.height, 7);
    EXPECT_EQ(shape.width, 9);
    EXPECT_EQ(shape.Elements(LayerSignature().outputs[0].axes), 5 * channels * 7 * 9);
    return shape.groups;
  };
  EXPECT_EQ(groups(32, 8), 8);
  EXPECT_EQ(groups(6, 4), 3);
  EXPECT_EQ(groups(7, 4), 1);
  EXPECT_EQ(groups(3, 32), 3);
  EXPECT_EQ(groups(12, 12), 12);
  EXPECT_EQ(groups(5, 1), 1);
}

TEST(LayerShape, ExtentsByAxis) {
  const Shape layer = LayerShape(5, 6, 7, 9, 2);
  const std::vector<std::pair<Axis, int64_t>> extents = {
      {Axis::kP, 1}, {Axis::kR, 1}, {Axis::kB, 5}, {Axis::kG, 2},
      {Axis::kK, 3}, {Axis::kH, 7}, {Axis::kW, 9}};
  for (const auto& [axis, extent] : extents) EXPECT_EQ(layer.Extent(axis), extent);
  const Shape parameter = {4, 3};
  for (Axis axis : {Axis::kR, Axis::kR1, Axis::kR2}) EXPECT_EQ(parameter.Extent(axis), 4);
  for (Axis axis : {Axis::kC, Axis::kC1, Axis::kC2}) EXPECT_EQ(parameter.Extent(axis), 3);
  EXPECT_EQ(parameter.Elements({Axis::kP, Axis::kR, Axis::kC1, Axis::kR1}), 48);
}

TEST(ReferenceLayers, ChannelsAreGroupsOfNeighbours) {
  LayerRun channels("y = gamma\n");
  EXPECT_EQ(channels.Train(), ByChannel({1, 2, 3, 4, 1, 2, 3, 4}));
  // By example and group: the mean of two channels and two places.
  LayerRun groups("y = mean(x over K,H,W)\n");
  EXPECT_EQ(groups.Train(), ByChannel({5.5, 5.5, 25.5, 25.5, 105.5, 105.5, 125.5, 125.5}));
  LayerRun within("y = mean(x over G,H,W)\n");
  EXPECT_EQ(within.Train(), ByChannel({10.5, 20.5, 10.5, 20.5, 110.5, 120.5, 110.5, 120.5}));
  LayerRun places("y = sum(x over G,K)\n");
  EXPECT_EQ(places.Train(),
            (Numbers{60, 64, 60, 64, 60, 64, 60, 64, 460, 464, 460, 464, 460, 464, 460, 464}));
  LayerRun sums("a = einsum(x[B,G,K,H,W], gamma[G,K] -> [B,G])\ny = neg(a)\n");
  EXPECT_EQ(sums.Train(), ByChannel({-43, -43, -3 * 41 - 4 * 61, -3 * 41 - 4 * 61, -201 - 2 * 221,
                                     -201 - 2 * 221, -3 * 241 - 4 * 261, -3 * 241 - 4 * 261}));
}

TEST(ReferenceLayers, SoftmaxOfEachExample) {
  LayerRun run("a = mul(x, 0)\ny = softmax(a over G,K)\n");
  EXPECT_EQ(run.Train(), Numbers(16, 0.25));
  LayerRun channel("a = mul(gamma, 0)\nb = softmax(a over K)\ny = b\n");
  EXPECT_EQ(channel.Train(), Numbers(16, 0.5));
}

TEST(ReferenceLayers, WhatDoesNotLookAcrossTheBatchHasNoBuffers) {
  const std::string group_norm =
      "m = mean(x over K,H,W)\nv = var(x over K,H,W)\nc = sub(x, m)\nd = add(v, 1)\n"
      "r = sqrt(d)\nn = div(c, r)\ng = mul(n, gamma)\ny = add(g, beta)\n";
  EXPECT_THAT(Buffers(Layer(group_norm)), IsEmpty());
  LayerRun run(group_norm);
  const Numbers y = run.Train();
  EXPECT_EQ(run.Evaluate(), y);
  // The first group is 0, 1, 10, 11 around 5.5, the square distances 30.25 and 20.25 twice each.
  EXPECT_EQ(y[0], -5.5 / std::sqrt(25.25 + 1));
  EXPECT_EQ(y[3], 5.5 / std::sqrt(25.25 + 1) * 2 - 1);
}

TEST(ReferenceLayers, BuffersAreTheReductionsThatRemoveTheBatch) {
  const std::string over = "(x over B,H,W)\n";
  const Program program = Layer(
      "a = mean" + over + "b = mean(x over H,W)\nc = var" + over + "d = mean(gamma over K)\n" +
      "e = rms(b over B)\nf = stddev" + over + "g = sum" + over + "h = mean_square" + over +
      "i = reduce_max(x over B,G,H,W)\nj = reduce_min" + over + "k = logsumexp" + over +
      "l = norm(x)\nm = global_norm(x)\nn = dot(x, gamma)\no = cosine_sim(gamma, x)\n" +
      "p = global_norm(gamma)\nq = softmax(x over H)\nr = einsum(x[B,G,K,H,W], gamma[G,K] -> "
      "[B])\n" +
      "s = mean(r over B)\ny = x\n");
  std::vector<int> instructions;
  std::vector<std::string> axes;
  Numbers starts;
  for (const Buffer& buffer : Buffers(program)) {
    instructions.push_back(buffer.instruction);
    axes.push_back(buffer.axes.Text());
    starts.push_back(buffer.start);
  }
  EXPECT_THAT(instructions, ElementsAre(0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18));
  EXPECT_THAT(axes, ElementsAre("[G,K]", "[G,K]", "[G,K]", "[G,K]", "[G,K]", "[G,K]", "[K]",
                                "[G,K]", "[G,K]", "[]", "[]", "[]", "[]", "[]"));
  // Moments of squares start at 1, all others at 0.
  EXPECT_THAT(starts, ElementsAre(0, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0));
}

TEST(ReferenceLayers, OptimizersHaveNoBuffers) {
  const Program program = *ParseOrStatus(
      "lathe 1 optimizer p\ninput  g[P,R,C]\na = mean(g over P)\nupdate = sub(g, a)\n", "p");
  EXPECT_THAT(Buffers(program), IsEmpty());
}

// Training looks at the batch and moves the buffer by a tenth; evaluation looks at the buffer.
TEST(ReferenceLayers, ABufferMovesByATenthInTraining) {
  LayerRun run("y = mean(x over B,H,W)\n");
  const Numbers means = {50.5, 60.5, 70.5, 80.5};
  EXPECT_THAT(run.execution->ReadBuffer(0), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(run.Evaluate(), Numbers(16, 0));
  EXPECT_EQ(run.Train(), ByChannel({50.5, 60.5, 70.5, 80.5, 50.5, 60.5, 70.5, 80.5}));
  Numbers kept(4);
  for (int c = 0; c < 4; ++c) kept[c] = 0.1 * means[c];
  EXPECT_EQ(run.execution->ReadBuffer(0), kept);
  EXPECT_EQ(run.Evaluate(),
            ByChannel({kept[0], kept[1], kept[2], kept[3], kept[0], kept[1], kept[2], kept[3]}));
  EXPECT_EQ(run.execution->ReadBuffer(0), kept) << "evaluation moved the buffer";
  for (double& x : run.inputs[0][0]) x = -1;
  run.Train();
  for (int c = 0; c < 4; ++c) {
    EXPECT_DOUBLE_EQ(run.execution->ReadBuffer(0)[c], 0.9 * 0.1 * means[c] - 0.1) << c;
  }
}

// Of rms, stddev and norm the buffer is the moment under the root.
TEST(ReferenceLayers, RootsAreTakenOfTheBuffer) {
  LayerRun run("a = stddev(x over B,H,W)\nb = rms(x over B,H,W)\nc = add(a, b)\ny = c\n");
  run.inputs[0] = {Numbers(16, 0)};
  run.inputs[0][0][0] = 8;  // of the first channel: 8, 0, 0, 0
  const double variance = 16 - 4, square = 16;
  EXPECT_EQ(run.Train()[0], std::sqrt(variance) + std::sqrt(square));
  EXPECT_DOUBLE_EQ(run.execution->ReadBuffer(0)[0], 0.9 + 0.1 * variance);
  EXPECT_DOUBLE_EQ(run.execution->ReadBuffer(1)[0], 0.9 + 0.1 * square);
  EXPECT_DOUBLE_EQ(run.execution->ReadBuffer(1)[3], 0.9);
  EXPECT_DOUBLE_EQ(run.Evaluate()[0],
                   std::sqrt(0.9 + 0.1 * variance) + std::sqrt(0.9 + 0.1 * square));
  EXPECT_DOUBLE_EQ(run.Evaluate()[15], 2 * std::sqrt(0.9));
}

// What one reduction makes of the batch is what the next one sees, in both modes.
TEST(ReferenceLayers, ReductionsOfReductions) {
  LayerRun run(
      "a = sum(x over B,H,W)\nb = sub(x, a)\nc = sum(b over B,H,W)\nd = add(c, gamma)\ny = d\n");
  for (double& x : run.inputs[0][0]) x = 1;
  EXPECT_EQ(run.Train()[0], 4 - 16 + 1);
  EXPECT_DOUBLE_EQ(run.execution->ReadBuffer(0)[0], 0.4);
  EXPECT_DOUBLE_EQ(run.execution->ReadBuffer(1)[0], -1.2);
  EXPECT_NEAR(run.Evaluate()[0], -1.2 + 1, 1e-15);
}

TEST(ReferenceLayers, EvaluationOfAnExampleDoesNotDependOnTheOthers) {
  LayerRun run("m = mean(x over B,H,W)\nc = sub(x, m)\nn = global_norm(c)\ny = div_eps(c, n)\n");
  run.Train();
  const Numbers before = run.Evaluate();
  for (size_t i = 8; i < 16; ++i) run.inputs[0][0][i] = 1e6;
  const Numbers after = run.Evaluate();
  EXPECT_EQ(Numbers(before.begin(), before.begin() + 8), Numbers(after.begin(), after.begin() + 8));
  EXPECT_NE(before[8], after[8]);
}

TEST(ReferenceLayers, BuffersAreReadWrittenAndReset) {
  LayerRun run("a = mean(x over B,H,W)\nb = mean_square(x over B,G,K,H,W)\nc = mul(a, b)\ny = c\n");
  ASSERT_TRUE(run.execution->WriteBuffer(0, Numbers{1, 2, 3, 4}).ok());
  ASSERT_TRUE(run.execution->WriteBuffer(1, Numbers{10}).ok());
  EXPECT_EQ(run.Evaluate(), ByChannel({10, 20, 30, 40, 10, 20, 30, 40}));
  absl::Status status = run.execution->WriteBuffer(0, Numbers{1});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("4 elements"));
  EXPECT_THAT(run.execution->ReadBuffer(0), ElementsAre(1, 2, 3, 4));
  run.execution->Reset();
  EXPECT_THAT(run.execution->ReadBuffer(0), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(run.execution->ReadBuffer(1), ElementsAre(1));
}

TEST(ReferenceLayers, ALayerThatIsRefusedMovesNoBuffer) {
  LayerRun run("y = mean(x over B,H,W)\n");
  Arrays outputs = testing::ZeroOutputs(LayerSignature(), std::vector{LayerShape(2, 4, 1, 2, 2)});
  EXPECT_FALSE(run.execution->Step({{}, testing::Refs(outputs), {}}).ok());
  EXPECT_FALSE(run.execution->Step({testing::Refs(run.inputs), {}, {}}).ok());
  EXPECT_THAT(run.execution->ReadBuffer(0), ElementsAre(0, 0, 0, 0));
}

TEST(ReferenceLayers, PrepareTakesOneShapeOfPositiveExtents) {
  const Program program = Layer("y = x\n");
  auto said = [&](const std::vector<Shape>& shapes) {
    return std::string(ReferenceExecutor().Prepare(program, shapes).status().message());
  };
  const Shape good = LayerShape(2, 4, 1, 2, 2);
  EXPECT_EQ(said({good}), "");
  EXPECT_THAT(said({}), HasSubstr("at least one"));
  EXPECT_THAT(said({good, good}), HasSubstr("one shape, not 2"));
  for (Axis axis : {Axis::kB, Axis::kG, Axis::kK, Axis::kH, Axis::kW}) {
    Shape bad = good;
    (axis == Axis::kB   ? bad.batch
     : axis == Axis::kG ? bad.groups
     : axis == Axis::kK ? bad.channels
     : axis == Axis::kH ? bad.height
                        : bad.width) = 0;
    EXPECT_THAT(said({bad}), HasSubstr("the layer has the shape")) << static_cast<int>(axis);
  }
  EXPECT_THAT(said({LayerShape(1 << 20, 1 << 20, 1 << 10, 1 << 10, 1)}), HasSubstr("bytes"));
}

// Values with an axis along which tensors are long are floats, numbers of a channel are not.
TEST(ReferenceLayers, TheRoundingReferenceRoundsTensors) {
  const std::string lines =
      "a = add(gamma, 1e-12)\nb = sub(a, gamma)\nc = add(x, 1e-12)\n"
      "d = sub(c, x)\ne = mul(b, 1e12)\nf = add(e, d)\ny = f\n";
  EXPECT_NEAR(LayerRun(lines).Train()[2], 1, 1e-3);
  LayerRun rounding(lines, RoundingReferenceExecutor());
  const double y = rounding.Train()[2];
  EXPECT_NEAR(y, 1, 1e-3);
  EXPECT_EQ(y, static_cast<double>(static_cast<float>(y)));
  LayerRun tensors("c = add(x, 1e-12)\nd = sub(c, x)\ny = mul(d, 1e12)\n",
                   RoundingReferenceExecutor());
  EXPECT_EQ(tensors.Train()[2], 0);
}

}  // namespace
}  // namespace lathe
