// Steps over arrays that come and go.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/vm/executor.h"

namespace lathe {
namespace {

using Arrays = std::vector<std::vector<float>>;

const std::vector<Shape> kShapes = {{.rows = 3, .cols = 5}, {.rows = 40, .cols = 2}};

Arrays Draw(uint64_t seed) {
  RandomStream random(seed, {});
  Arrays arrays;
  for (const Shape& shape : kShapes) {
    std::vector<float>& numbers = arrays.emplace_back(shape.Elements());
    for (float& number : numbers) number = static_cast<float>(random.Normal());
  }
  return arrays;
}

std::unique_ptr<Execution> Prepare() {
  auto execution = VmExecutor().Prepare(*KnownProgram("momentum"), kShapes);
  EXPECT_TRUE(execution.ok()) << execution.status();
  return *std::move(execution);
}

// A step with `gradients`, whose result lands in `updates`.
void Step(Execution& execution, Arrays& gradients, Arrays& updates, std::vector<int> active = {}) {
  const Signature& signature = OptimizerSignature();
  float lr = 0.1f;
  StepBindings bindings;
  bindings.inputs.resize(signature.inputs.size());
  bindings.outputs.resize(signature.outputs.size());
  for (size_t p = 0; p < kShapes.size(); ++p) {
    for (const char* name : {"w", "g"}) {  // the weights matter to nothing: they do not decay
      bindings.inputs[*signature.InputByName(name)].emplace_back(gradients[p].data());
    }
    bindings.outputs[*signature.OutputByName("update")].emplace_back(updates[p].data());
  }
  bindings.inputs[*signature.InputByName("lr")] = {ArrayRef(&lr)};
  bindings.active = std::move(active);
  const absl::Status status = execution.Step(bindings);
  EXPECT_TRUE(status.ok()) << status;
}

TEST(VmExecution, ArraysMayLieElsewhereInEveryStep) {
  const auto still = Prepare(), moving = Prepare();
  Arrays gradients = Draw(0), updates = Draw(0);
  for (uint64_t step = 1; step <= 3; ++step) {
    const Arrays drawn = Draw(step);
    for (size_t p = 0; p < kShapes.size(); ++p) {
      std::ranges::copy(drawn[p], gradients[p].begin());  // where they were
    }
    Step(*still, gradients, updates);
    Arrays others = drawn, other_updates = Draw(0);
    Step(*moving, others, other_updates);
    EXPECT_EQ(other_updates, updates) << step;
  }
}

TEST(VmExecution, ArraysMayMoveWhileAParameterRests) {
  const auto execution = Prepare(), expected = Prepare();
  Arrays gradients = Draw(1), updates = Draw(0), expected_updates = Draw(0);
  Step(*execution, gradients, updates);
  Step(*expected, gradients, expected_updates);
  Arrays moved = Draw(2), moved_updates = Draw(0);
  Step(*execution, moved, moved_updates, {1});
  EXPECT_EQ(moved_updates[0], Draw(0)[0]) << "written, though it rests";
  Step(*expected, gradients = moved, expected_updates, {1});
  EXPECT_EQ(moved_updates[1], expected_updates[1]);
  Step(*execution, moved, moved_updates);
  Step(*expected, gradients, expected_updates);
  EXPECT_EQ(moved_updates, expected_updates);
}

}  // namespace
}  // namespace lathe
