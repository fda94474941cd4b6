// What a training run asks of an executor and makes of its answers.
#include "evaluators/torch/training_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <new>
#include <stdexcept>
#include <vector>

#include "evaluators/task/task.h"
#include "evaluators/torch/torch_evaluator.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

constexpr char kShipped[] = LATHE_SOURCE_DIR "/evaluators/data";

v1::Task TaskOfSteps(uint32_t steps) {
  v1::Task task;
  task.set_steps(steps);
  task.set_base_lr(2);
  return ResolveTask(task).value();
}

// An executor whose steps are a function of the test's.
class FakeExecution : public Execution {
 public:
  using StepFunction = std::function<absl::Status(const StepBindings&)>;
  explicit FakeExecution(StepFunction step) : step_(std::move(step)) {}
  absl::Status Step(const StepBindings& bindings) override { return step_(bindings); }
  void Reset() override {}
  std::vector<double> ReadState(int, int) const override { return {}; }
  absl::Status WriteState(int, int, std::span<const double>) override { return absl::OkStatus(); }
  std::vector<double> ReadBuffer(int) const override { return {}; }
  absl::Status WriteBuffer(int, std::span<const double>) override { return absl::OkStatus(); }

 private:
  StepFunction step_;
};

class FakeExecutor : public Executor {
 public:
  explicit FakeExecutor(FakeExecution::StepFunction step) : step_(std::move(step)) {}
  std::string_view Name() const override { return "fake-f16"; }
  absl::StatusOr<std::unique_ptr<Execution>> Prepare(const Program&,
                                                     std::span<const Shape> shapes) const override {
    shapes_.assign(shapes.begin(), shapes.end());
    return std::make_unique<FakeExecution>(step_);
  }

  mutable std::vector<Shape> shapes_;

 private:
  FakeExecution::StepFunction step_;
};

absl::StatusOr<Evaluation> RunFake(const FakeExecution::StepFunction& step, const v1::Task& task) {
  const FakeExecutor executor(step);
  TorchEvaluator evaluator(kShipped, executor);
  return evaluator.Evaluate(Program(), task, 0, Measure::kValidation);
}

TEST(TrainingRun, GivesTheExecutorEachStep) {
  std::vector<double> ts, rates, totals;
  std::vector<float> weights;  // the first one, as the steps leave it
  const auto step = [&](const StepBindings& bindings) {
    rates.push_back(*static_cast<double*>(bindings.inputs[2].at(0).data));
    ts.push_back(*static_cast<double*>(bindings.inputs[3].at(0).data));
    totals.push_back(*static_cast<double*>(bindings.inputs[4].at(0).data));
    float& w = *static_cast<float*>(bindings.outputs[0].at(0).data);
    EXPECT_EQ(&w, bindings.inputs[0].at(0).data) << "the parameters take their update themselves";
    EXPECT_TRUE(bindings.subtract_outputs);
    if (!weights.empty()) {
      EXPECT_EQ(w, weights.back());
    }
    w -= 0.01f * static_cast<float>(ts.size());
    weights.push_back(w);
    for (const ArrayRef& array : bindings.inputs[1]) {
      EXPECT_EQ(array.element, ArrayRef::Element::kFloat32);
    }
    EXPECT_EQ(bindings.inputs[1].size(), 4u);
    EXPECT_TRUE(bindings.active.empty());
    return absl::OkStatus();
  };
  const v1::Task task = TaskOfSteps(3);
  EXPECT_TRUE(RunFake(step, task).ok());
  EXPECT_THAT(ts, ElementsAre(1, 2, 3));
  EXPECT_THAT(totals, ElementsAre(3, 3, 3));
  EXPECT_THAT(rates,
              ElementsAre(LearningRate(task, 1), LearningRate(task, 2), LearningRate(task, 3)));
}

TEST(TrainingRun, PreparesTheShapesOfTheTask) {
  const FakeExecutor executor([](const StepBindings&) { return absl::OkStatus(); });
  TorchEvaluator evaluator(kShipped, executor);
  const v1::Task task = TaskOfSteps(1);
  EXPECT_TRUE(evaluator.Evaluate(Program(), task, 0, Measure::kValidation).ok());
  EXPECT_EQ(executor.shapes_, ParameterShapes(task));
}

TEST(TrainingRun, ReturnsWhatTheExecutorReports) {
  const auto fails = [](const StepBindings&) { return absl::UnavailableError("broken"); };
  EXPECT_EQ(RunFake(fails, TaskOfSteps(1)).status(), absl::UnavailableError("broken"));
}

TEST(TrainingRun, TurnsExceptionsIntoStatuses) {
  const auto out_of_memory = [](const StepBindings&) -> absl::Status { throw std::bad_alloc(); };
  EXPECT_EQ(RunFake(out_of_memory, TaskOfSteps(1)).status().code(),
            absl::StatusCode::kResourceExhausted);
  const auto broken = [](const StepBindings&) -> absl::Status { throw std::runtime_error("no"); };
  EXPECT_EQ(RunFake(broken, TaskOfSteps(1)).status(), absl::InternalError("no"));
}

TEST(TorchEvaluator, NumericClassEndsWithTheExecutor) {
  const FakeExecutor executor([](const StepBindings&) { return absl::OkStatus(); });
  EXPECT_THAT(TorchEvaluator(kShipped, executor).NumericClass(), EndsWith("-fake-f16"));
}

}  // namespace
}  // namespace lathe
