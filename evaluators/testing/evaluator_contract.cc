#include "evaluators/testing/evaluator_contract.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "evaluators/datasets/load_dataset.h"
#include "evaluators/task/task.h"

namespace lathe {

v1::Task TaskFrom(const std::string& text) {
  v1::Task contract, changes;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(Contract().task, &contract));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &changes)) << text;
  return ResolveTask(OverrideTask(contract, changes), SurveyDatasets(Contract().data).Catalog())
      .value();
}

// An optimizer whose update is the gradient times `factor`, an operand as text.
Program Sgd(const std::string& factor) {
  const std::string text = "lathe 1 optimizer sgd\ninput g[P,R,C] lr[] t[] total_steps[]\n";
  return ParseOrStatus(text + "update = mul(g, " + factor + ")\n", "test").value();
}

namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

Bits Trained(const Program& program, const v1::Task& task, int seed_index = 0,
             Measure measure = Measure::kValidation) {
  const auto evaluator = MakeEvaluator(Contract().data);
  return BitsOf(evaluator->Evaluate(program, task, seed_index, measure));
}

TEST(EvaluatorContract, TrainingReducesTheLoss) {
  const v1::Task task = TaskFrom("feature_scale_exponent: 0");
  const Bits untrained = Trained(Sgd("0"), task);
  const Bits trained = Trained(Sgd(Contract().rate), task);
  EXPECT_NEAR(untrained.loss, Contract().guess, 0.1);
  EXPECT_FALSE(trained.diverged);
  EXPECT_EQ(trained.steps, 100);
  EXPECT_EQ(trained.objective, trained.loss);
  EXPECT_LT(trained.loss, Contract().learned);
  EXPECT_LT(trained.error, Contract().learned_error);
}

TEST(EvaluatorContract, GivesTheSameBitsTwice) {
  const Program adamw = KnownProgram("adamw").value();
  const v1::Task task = TaskFrom("base_lr: 0.01");
  const auto evaluator = MakeEvaluator(Contract().data);
  const Bits first = BitsOf(evaluator->Evaluate(adamw, task, 0, Measure::kValidationAndTest));
  EXPECT_EQ(BitsOf(evaluator->Evaluate(adamw, task, 0, Measure::kValidationAndTest)), first);
  EXPECT_EQ(Trained(adamw, task, 0, Measure::kValidationAndTest), first) << "another evaluator";
  EXPECT_NE(BitsOf(evaluator->Evaluate(adamw, task, 1, Measure::kValidationAndTest)), first);
}

TEST(EvaluatorContract, GivesTheSameBitsFromTwoThreads) {
  constexpr int kSeeds = 40;  // a BLAS that threads upset is wrong in some evaluations only
  const Program momentum = KnownProgram("momentum").value();
  const v1::Task task = TaskFrom("base_lr: 0.05");
  std::vector<Bits> alone;
  for (int i = 0; i < kSeeds; ++i) alone.push_back(Trained(momentum, task, i));
  const auto evaluator = MakeEvaluator(Contract().data);
  std::vector<std::vector<Bits>> together(2);
  const auto work = [&](std::vector<Bits>& results) {
    for (int i = 0; i < kSeeds; ++i) {
      results.push_back(BitsOf(evaluator->Evaluate(momentum, task, i, Measure::kValidation)));
    }
  };
  std::thread first(work, std::ref(together[0])), second(work, std::ref(together[1]));
  first.join();
  second.join();
  EXPECT_EQ(together[0], alone);
  EXPECT_EQ(together[1], alone);
}

TEST(EvaluatorContract, TakesATaskThatIsNotResolved) {
  const auto evaluator = MakeEvaluator(Contract().data);
  v1::Task task;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(Contract().task, &task));
  *task.mutable_data() = TaskFrom().data();
  if (task.has_torchscript()) *task.mutable_torchscript() = TaskFrom().torchscript();
  EXPECT_EQ(BitsOf(evaluator->Evaluate(Sgd("0.1"), task, 0, Measure::kValidation)),
            Trained(Sgd("0.1"), TaskFrom()));
}

TEST(EvaluatorContract, LooksAtTheTestSplitOnlyWhenAsked) {
  const Bits without = Trained(Sgd("0.1"), TaskFrom(), 0, Measure::kValidation);
  const Bits with = Trained(Sgd("0.1"), TaskFrom(), 0, Measure::kValidationAndTest);
  EXPECT_EQ(without.test_loss, 0);
  EXPECT_EQ(without.test_error, 0);
  EXPECT_GT(with.test_loss, 0);
  EXPECT_GT(with.test_error, 0);
  EXPECT_NE(with.test_loss, with.loss);
  EXPECT_EQ(with.loss, without.loss);
}

TEST(EvaluatorContract, MinimisesWhatTheTaskSays) {
  const Bits bits = Trained(Sgd("0.1"), TaskFrom("objective: VALIDATION_ERROR"));
  EXPECT_EQ(bits.objective, bits.error);
  EXPECT_NE(bits.objective, bits.loss);
}

// The area under the curve of training is an average over its steps, so it lies between the loss of
// guessing and that at the end.
TEST(EvaluatorContract, MeasuresTheAreaUnderTheTrainingLoss) {
  const std::string easy = "feature_scale_exponent: 0 ";
  const Program sgd = Sgd(Contract().rate);
  const Bits area = Trained(sgd, TaskFrom(easy + "objective: TRAINING_LOSS_AREA"));
  EXPECT_LT(area.objective, Contract().guess - 0.3);
  EXPECT_GT(area.objective, area.loss);
  EXPECT_EQ(area.loss, Trained(sgd, TaskFrom(easy)).loss);
}

TEST(EvaluatorContract, MeasuresTheStepsToATarget) {
  const auto steps_to = [](double loss, const std::string& factor) {
    v1::Task task = TaskFrom("feature_scale_exponent: 0 objective: STEPS_TO_TARGET");
    task.set_target_loss(loss);
    return Trained(Sgd(factor), task);
  };
  const ContractCase& contract = Contract();
  const double early = steps_to(contract.early, contract.rate).objective;
  const double late = steps_to(contract.late, contract.rate).objective;
  EXPECT_GT(early, 0);
  EXPECT_LT(early, late);
  EXPECT_LT(late, 100);
  const Bits never = steps_to(contract.late, "0.001");
  EXPECT_DOUBLE_EQ(never.objective, 100 * (1 + never.loss - contract.late));
}

TEST(EvaluatorContract, BindsTheScalarInputs) {
  const v1::Task constant = TaskFrom("schedule: CONSTANT base_lr: 0.25 steps: 20");
  EXPECT_EQ(Trained(Sgd("lr"), constant), Trained(Sgd("0.25"), constant));
  EXPECT_EQ(Trained(Sgd("total_steps"), TaskFrom("steps: 2")),
            Trained(Sgd("2"), TaskFrom("steps: 2")));
  EXPECT_EQ(Trained(Sgd("t"), TaskFrom("steps: 1")), Trained(Sgd("1"), TaskFrom("steps: 1")));
  EXPECT_NE(Trained(Sgd("t"), TaskFrom("steps: 2")), Trained(Sgd("1"), TaskFrom("steps: 2")));
}

TEST(EvaluatorContract, TrainsDeepModels) {
  const v1::Task task = TaskFrom(Contract().deep + " feature_scale_exponent: 0");
  EXPECT_LT(Trained(KnownProgram("adamw").value(),
                    [&] {
                      v1::Task small = task;
                      small.set_base_lr(0.01);
                      return small;
                    }())
                .loss,
            1.0);
}

TEST(Divergence, OfAHugeUpdate) {
  const Bits bits = Trained(Sgd(Contract().huge), TaskFrom());
  EXPECT_TRUE(bits.diverged);
  EXPECT_EQ(bits.steps, 1);
}

TEST(Divergence, OfALossTenTimesTheFirst) {
  const Bits bits = Trained(Sgd("20"), TaskFrom());
  EXPECT_TRUE(bits.diverged);
  EXPECT_GE(bits.steps, 1);
  EXPECT_LT(bits.steps, 100);
}

TEST(Divergence, OfNan) {
  const Program program =
      ParseOrStatus("lathe 1 optimizer nan\ninput g[P,R,C]\nz = sub(g, g)\nupdate = div(z, z)\n",
                    "test")
          .value();
  const Bits bits = Trained(program, TaskFrom());
  EXPECT_TRUE(bits.diverged);
  EXPECT_EQ(bits.steps, 1);
}

TEST(Divergence, AfterTheLastStep) {
  const Bits bits =
      Trained(Sgd(Contract().huge), TaskFrom("steps: 1"), 0, Measure::kValidationAndTest);
  EXPECT_TRUE(bits.diverged);
  EXPECT_EQ(bits.steps, 1);
  EXPECT_EQ(bits.test_loss, 0) << "scores mean nothing then";
}

TEST(EvaluatorContract, ABlowUpAtTheLastStepIsADivergence) {
  const Program program = ParseOrStatus(
                              "lathe 1 optimizer p\ninput g[P,R,C] t[]\na = sub(t, 99)\n"
                              "b = max(a, 0)\nc = mul(b, 1000000)\nd = add(c, 0.1)\n"
                              "update = mul(g, d)\n",
                              "p")
                              .value();
  const v1::Task task = TaskFrom();
  auto evaluation =
      MakeEvaluator(Contract().data)->Evaluate(program, task, 0, Measure::kValidation);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_TRUE(evaluation->diverged);
  EXPECT_EQ(evaluation->steps, 100);
}

TEST(EvaluatorContract, ChecksTaskAndData) {
  const auto evaluator = MakeEvaluator(Contract().data), elsewhere = MakeEvaluator("/nonexistent");
  EXPECT_TRUE(evaluator->Check(TaskFrom()).ok());
  v1::Task wrong = TaskFrom();
  wrong.set_batch(0xffff);
  EXPECT_THAT(std::string(evaluator->Check(wrong).message()), HasSubstr("task.batch"));
  EXPECT_THAT(std::string(elsewhere->Check(TaskFrom()).message()), HasSubstr(Contract().missing));
  EXPECT_EQ(elsewhere->Evaluate(Sgd("1"), TaskFrom(), 0, Measure::kValidation).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(EvaluatorContract, RefusesWhatItCannotRun) {
  const auto evaluator = MakeEvaluator(Contract().data);
  v1::Task wrong = TaskFrom();
  wrong.set_batch(0xffff);
  const auto code = [&](const Program& program, const v1::Task& task, int seed_index) {
    return evaluator->Evaluate(program, task, seed_index, Measure::kValidation).status().code();
  };
  EXPECT_EQ(code(Sgd("1"), wrong, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sgd("1"), TaskFrom(), -1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Program(), TaskFrom(), 0), absl::StatusCode::kInvalidArgument);
  Program other = Sgd("1");
  const Signature signature = *other.signature;
  other.signature = &signature;
  EXPECT_EQ(code(other, TaskFrom(), 0), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lathe
