// A hundred steps of training beside torch's kernels: before each both have the same parameters.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/vm/executor.h"
#include "evaluators/model_step.h"
#include "evaluators/population/mlp_population.h"
#include "evaluators/problem_cache.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/mlp.h"

namespace lathe {
namespace {

constexpr char kData[] = LATHE_SOURCE_DIR "/evaluators/data";

TEST(PopulationBesideTorch, LossesAndGradientsAgreeOverAHundredSteps) {
  v1::Task task;
  task.set_base_lr(0.01);
  task = *ResolveTask(task);
  const std::vector<Shape> shapes = ParameterShapes(task);
  const auto problem = *ProblemCache(kData, 1 << 26).Get(task, 0);
  const PopulationKernels& kernels = AvailablePopulationKernels().front();
  MlpPopulation ours(shapes, static_cast<int>(task.batch()), 1, kernels);
  Mlp torch(shapes, static_cast<int>(task.batch()));
  ours.Load(0, problem->initial_parameters);
  const auto execution = *VmExecutor().Prepare(Canonicalize(*KnownProgram("adamw")), shapes);
  std::vector<float*> parameters, gradients;
  for (const size_t offset : ours.Offsets()) {
    parameters.push_back(ours.Parameters(0).data() + offset);
    gradients.push_back(ours.Gradient().data() + offset);
  }
  ModelStep step(task, parameters, gradients, *execution);
  BatchOrder order(task, 0);
  double first = 0, last = 0;
  for (int t = 1; t <= 100; ++t) {
    const std::span<const int> rows = order.Next();
    torch.Load(ours.Parameters(0));
    ours.TakeBatch(problem->train, rows);
    last = ours.ForwardBackward(0);
    if (t == 1) first = last;
    ASSERT_NEAR(last, torch.ForwardBackward(problem->train, rows), 2e-6 * std::max(1.0, last)) << t;
    for (int i = 0; i < torch.ParameterCount(); ++i) {
      const std::span<const float> expected = torch.Gradient(i);
      float scale = 0;
      for (const float g : expected) scale = std::max(scale, std::abs(g));
      for (size_t k = 0; k < expected.size(); ++k) {
        ASSERT_NEAR(gradients[static_cast<size_t>(i)][k], expected[k], 1e-5 * scale)
            << t << " " << i;
      }
    }
    ASSERT_TRUE(step.Take(t).ok());
  }
  EXPECT_LT(last, 0.5 * first);
  torch.Load(ours.Parameters(0));
  const SplitScore scored = ours.Score(0, ExampleBlocks(problem->validation, kernels));
  const SplitScore expected = torch.Score(problem->validation);
  EXPECT_NEAR(scored.loss, expected.loss, 1e-5);
  EXPECT_EQ(scored.error, expected.error);
}

}  // namespace
}  // namespace lathe
