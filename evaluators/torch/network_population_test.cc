// A model among others: what it scores, and every bit of its parameters, is what it is alone.
#include "evaluators/torch/network_population.h"

#include <gtest/gtest.h>

#include <set>

#include "dsl/canonicalize.h"
#include "dsl/known_programs.h"
#include "dsl/random_program.h"
#include "dsl/text.h"
#include "dsl/vm/executor.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/blas.h"
#include "evaluators/train_in_step.h"

namespace lathe {
namespace {

constexpr int kModels = 8;

Program Update(const std::string& body) {
  return ParseOrStatus("lathe 1 optimizer test\ninput g[P,R,C]\n" + body, "test").value();
}

// What some wrote, what nobody would write, and what diverges: at once, and by NaN.
std::vector<Program> ManyPrograms() {
  std::vector<Program> programs = {
      Canonicalize(*KnownProgram("adamw")), Update("update = mul(g, 1e30)\n"),
      Update("z = sub(g, g)\nupdate = div(z, z)\n"), Canonicalize(*KnownProgram("lion"))};
  RandomStream random(5, {});
  const SearchSpace space = SearchSpace::Default(OptimizerSignature());
  while (programs.size() < 3 * kModels) {
    programs.push_back(Canonicalize(RandomProgram(OptimizerSignature(), space, {}, random)));
  }
  return programs;
}

Examples DrawExamples(const v1::Task& task, int count, RandomStream& random) {
  Examples examples;
  if (task.has_transformer()) {
    examples.context = static_cast<int>(task.transformer().context());
    for (int i = 0; i < count * (examples.context + 1); ++i) {
      examples.tokens.push_back(static_cast<uint8_t>(random.Below(10)));
    }
    return examples;
  }
  examples.features = 64;
  for (int i = 0; i < count * 64; ++i) {
    examples.values.push_back(static_cast<float>(random.Normal()));
  }
  for (int i = 0; i < count; ++i) {
    examples.classes.push_back(static_cast<uint8_t>(random.Below(10)));
  }
  return examples;
}

v1::Task TaskOf(bool transformer) {
  v1::Task task = ResolveTask({}).value();
  task.set_train_examples(50);
  task.set_batch(7);
  task.set_steps(9);
  task.set_base_lr(0.01);
  if (transformer) {
    task.mutable_transformer()->set_context(9);
    task.mutable_transformer()->set_width(20);
    task.mutable_transformer()->set_heads(2);
    task.mutable_transformer()->set_layers(1);
  } else {
    for (const uint32_t count : {5, 9}) task.mutable_conv_net()->add_channels(count);
  }
  return task;
}

// All that a model leaves: compared bit by bit, NaN with NaN.
struct Trained {
  bool diverged = false;
  int steps = 0;
  std::vector<uint64_t> scores;
  std::vector<uint32_t> parameters;
  friend auto operator<=>(const Trained&, const Trained&) = default;
};

class NetworkPopulationTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    UseOneBlasThread();
    RandomStream random(6, {});
    problem_ = {.train = DrawExamples(task_, 50, random),
                .validation = DrawExamples(task_, 23, random),
                .test = DrawExamples(task_, 8, random),
                .initial_parameters = DrawInitialParameters(task_, 0)};
  }

  std::vector<Trained> Train(const std::vector<const Program*>& programs) {
    NetworkPopulation models(GetParam() ? MakeTransformer(task_) : MakeConvNet(task_),
                             static_cast<int>(programs.size()), problem_);
    std::vector<std::unique_ptr<Execution>> executions;
    std::vector<Execution*> pointers;
    for (const Program* program : programs) {
      executions.push_back(VmExecutor().Prepare(*program, ParameterShapes(task_)).value());
      pointers.push_back(executions.back().get());
    }
    const auto evaluations =
        TrainInStep(task_, 0, problem_, pointers, Measure::kValidationAndTest, models);
    EXPECT_TRUE(evaluations.ok()) << evaluations.status();
    std::vector<Trained> trained;
    for (size_t i = 0; i < programs.size(); ++i) {
      const Evaluation& e = (*evaluations)[i];
      Trained& model = trained.emplace_back();
      model.diverged = e.diverged;
      model.steps = e.steps;
      for (const double score : {e.objective, e.validation.loss, e.validation.error, e.test.loss}) {
        model.scores.push_back(std::bit_cast<uint64_t>(score));
      }
      for (const float value : models.Parameters(static_cast<int>(i))) {
        model.parameters.push_back(std::bit_cast<uint32_t>(value));
      }
    }
    return trained;
  }

  v1::Task task_ = TaskOf(GetParam());
  const std::vector<Program> programs_ = ManyPrograms();
  Problem problem_;
};

TEST_P(NetworkPopulationTest, AProgramScoresTheSameAloneAndAnywhereAmongAnyOthers) {
  std::vector<Trained> alone;
  for (const Program& program : programs_) alone.push_back(Train({&program}).front());
  EXPECT_FALSE(alone[0].diverged);
  EXPECT_TRUE(alone[1].diverged);
  EXPECT_TRUE(alone[2].diverged);
  EXPECT_GT(std::set(alone.begin(), alone.end()).size(), programs_.size() / 2);
  RandomStream random(7, {});
  for (int position = 0; position < kModels; ++position) {
    std::vector<int> order = random.Permutation(static_cast<int>(programs_.size()));
    // adamw stands everywhere, what diverges beside it.
    std::erase_if(order, [](int i) { return i < 3; });
    order.resize(kModels);
    order[static_cast<size_t>(position)] = 0;
    order[static_cast<size_t>((position + 1) % kModels)] = 1;
    order[static_cast<size_t>((position + 2) % kModels)] = 2;
    std::vector<const Program*> programs;
    for (const int i : order) programs.push_back(&programs_[static_cast<size_t>(i)]);
    const std::vector<Trained> together = Train(programs);
    for (size_t i = 0; i < together.size(); ++i) {
      EXPECT_TRUE(together[i] == alone[static_cast<size_t>(order[i])])
          << "program " << order[i] << " at " << i;
    }
  }
}

TEST_P(NetworkPopulationTest, Learns) {
  Program adamw = Canonicalize(*KnownProgram("adamw"));
  task_.set_steps(150);
  task_.set_objective(v1::Task::TRAINING_LOSS_AREA);
  // The 50 examples of random numbers, which it can learn by heart.
  problem_.validation = problem_.train;
  NetworkPopulation models(GetParam() ? MakeTransformer(task_) : MakeConvNet(task_), 1, problem_);
  auto execution = VmExecutor().Prepare(adamw, ParameterShapes(task_)).value();
  Execution* const executions[] = {execution.get()};
  const auto trained =
      TrainInStep(task_, 0, problem_, executions, Measure::kValidation, models).value();
  EXPECT_LT(trained.front().validation.loss, 1.5);  // from log(10)
  EXPECT_LT(trained.front().validation.loss, trained.front().objective);
}

INSTANTIATE_TEST_SUITE_P(All, NetworkPopulationTest, testing::Bool(),
                         [](const auto& model) { return model.param ? "Transformer" : "ConvNet"; });

}  // namespace
}  // namespace lathe
