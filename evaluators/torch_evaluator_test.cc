#include "evaluators/torch_evaluator.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "dsl/known_programs.h"
#include "dsl/text.h"
#include "evaluators/blas.h"
#include "evaluators/task/task.h"
#include "evaluators/training_run.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kShipped[] = LATHE_SOURCE_DIR "/evaluators/data";

v1::Task TaskFrom(const std::string& text = "") {
  v1::Task task;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &task)) << text;
  return ResolveTask(task).value();
}

// An optimizer whose update is the gradient times `factor`, an operand as text.
Program Sgd(const std::string& factor) {
  const std::string text = "lathe 1 optimizer sgd\ninput g[P,R,C] lr[] t[] total_steps[]\n";
  return ParseOrStatus(text + "update = mul(g, " + factor + ")\n", "test").value();
}

struct Bits {
  bool diverged;
  int steps;
  double objective, loss, error, test_loss, test_error;
  friend bool operator==(const Bits&, const Bits&) = default;
};

Bits BitsOf(const absl::StatusOr<Evaluation>& e) {
  EXPECT_TRUE(e.ok()) << e.status();
  if (!e.ok()) return {};
  return {e->diverged,         e->steps,     e->objective, e->validation.loss,
          e->validation.error, e->test.loss, e->test.error};
}

Bits Trained(const Program& program, const v1::Task& task, int seed_index = 0,
             Measure measure = Measure::kValidation) {
  TorchEvaluator evaluator(kShipped);
  return BitsOf(evaluator.Evaluate(program, task, seed_index, measure));
}

TEST(TorchEvaluator, TrainingReducesTheLoss) {
  const v1::Task task = TaskFrom("feature_scale_exponent: 0");
  const Bits untrained = Trained(Sgd("0"), task);
  const Bits trained = Trained(Sgd("0.5"), task);
  EXPECT_NEAR(untrained.loss, 2.3, 0.1);  // ten classes, guessed: log(10)
  EXPECT_FALSE(trained.diverged);
  EXPECT_EQ(trained.steps, 100);
  EXPECT_EQ(trained.objective, trained.loss);
  EXPECT_LT(trained.loss, 0.5);
  EXPECT_LT(trained.error, 0.2);
}

TEST(TorchEvaluator, GivesTheSameBitsTwice) {
  const Program adamw = KnownProgram("adamw").value();
  const v1::Task task = TaskFrom("base_lr: 0.01");
  TorchEvaluator evaluator(kShipped);
  const Bits first = BitsOf(evaluator.Evaluate(adamw, task, 0, Measure::kValidationAndTest));
  EXPECT_EQ(BitsOf(evaluator.Evaluate(adamw, task, 0, Measure::kValidationAndTest)), first);
  EXPECT_EQ(Trained(adamw, task, 0, Measure::kValidationAndTest), first) << "another evaluator";
  EXPECT_NE(BitsOf(evaluator.Evaluate(adamw, task, 1, Measure::kValidationAndTest)), first);
}

TEST(TorchEvaluator, GivesTheSameBitsFromTwoThreads) {
  constexpr int kSeeds = 40;  // a BLAS that threads upset is wrong in some evaluations only
  const Program momentum = KnownProgram("momentum").value();
  const v1::Task task = TaskFrom("base_lr: 0.05");
  std::vector<Bits> alone;
  for (int i = 0; i < kSeeds; ++i) alone.push_back(Trained(momentum, task, i));
  TorchEvaluator evaluator(kShipped);
  std::vector<std::vector<Bits>> together(2);
  const auto work = [&](std::vector<Bits>& results) {
    for (int i = 0; i < kSeeds; ++i) {
      results.push_back(BitsOf(evaluator.Evaluate(momentum, task, i, Measure::kValidation)));
    }
  };
  std::thread first(work, std::ref(together[0])), second(work, std::ref(together[1]));
  first.join();
  second.join();
  EXPECT_EQ(together[0], alone);
  EXPECT_EQ(together[1], alone);
}

TEST(TorchEvaluator, TakesATaskThatIsNotResolved) {
  TorchEvaluator evaluator(kShipped);
  EXPECT_EQ(BitsOf(evaluator.Evaluate(Sgd("0.1"), v1::Task(), 0, Measure::kValidation)),
            Trained(Sgd("0.1"), TaskFrom()));
}

TEST(TorchEvaluator, LooksAtTheTestSplitOnlyWhenAsked) {
  const Bits without = Trained(Sgd("0.1"), TaskFrom(), 0, Measure::kValidation);
  const Bits with = Trained(Sgd("0.1"), TaskFrom(), 0, Measure::kValidationAndTest);
  EXPECT_EQ(without.test_loss, 0);
  EXPECT_EQ(without.test_error, 0);
  EXPECT_GT(with.test_loss, 0);
  EXPECT_GT(with.test_error, 0);
  EXPECT_NE(with.test_loss, with.loss);
  EXPECT_EQ(with.loss, without.loss);
}

TEST(TorchEvaluator, MinimisesWhatTheTaskSays) {
  const Bits bits = Trained(Sgd("0.1"), TaskFrom("objective: VALIDATION_ERROR"));
  EXPECT_EQ(bits.objective, bits.error);
  EXPECT_NE(bits.objective, bits.loss);
}

TEST(TorchEvaluator, BindsTheScalarInputs) {
  const v1::Task constant = TaskFrom("schedule: CONSTANT base_lr: 0.25 steps: 20");
  EXPECT_EQ(Trained(Sgd("lr"), constant), Trained(Sgd("0.25"), constant));
  EXPECT_EQ(Trained(Sgd("total_steps"), TaskFrom("steps: 2")),
            Trained(Sgd("2"), TaskFrom("steps: 2")));
  EXPECT_EQ(Trained(Sgd("t"), TaskFrom("steps: 1")), Trained(Sgd("1"), TaskFrom("steps: 1")));
  EXPECT_NE(Trained(Sgd("t"), TaskFrom("steps: 2")), Trained(Sgd("1"), TaskFrom("steps: 2")));
}

TEST(TorchEvaluator, TrainsDeepModels) {
  const v1::Task task = TaskFrom("mlp { hidden: [16, 16, 16] } feature_scale_exponent: 0");
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
  const Bits bits = Trained(Sgd("1e30"), TaskFrom());
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
  const Bits bits = Trained(Sgd("1e38"), TaskFrom("steps: 1"), 0, Measure::kValidationAndTest);
  EXPECT_TRUE(bits.diverged);
  EXPECT_EQ(bits.steps, 1);
  EXPECT_EQ(bits.test_loss, 0) << "scores mean nothing then";
}

TEST(TorchEvaluator, ABlowUpAtTheLastStepIsADivergence) {
  const Program program = ParseOrStatus(
                              "lathe 1 optimizer p\ninput g[P,R,C] t[]\na = sub(t, 99)\n"
                              "b = max(a, 0)\nc = mul(b, 1000000)\nd = add(c, 0.1)\n"
                              "update = mul(g, d)\n",
                              "p")
                              .value();
  const v1::Task task = ResolveTask({}).value();
  auto evaluation = TorchEvaluator(kShipped).Evaluate(program, task, 0, Measure::kValidation);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_TRUE(evaluation->diverged);
  EXPECT_EQ(evaluation->steps, 100);
}

TEST(TorchEvaluator, StartsFromWhatTheSeedIndexDraws) {
  const v1::Task task = TaskFrom();
  const Problem problem = DrawProblem(LoadDataset(kShipped, "digits").value(), task, 1);
  const auto train = [&](int seed_index) {
    auto execution = VmExecutor().Prepare(Sgd("0.1"), ParameterShapes(task)).value();
    return BitsOf(Train(task, seed_index, problem, *execution, Measure::kValidation));
  };
  // First, because the evaluator holds the BLAS to one thread.
  const auto evaluated = Trained(Sgd("0.1"), task, 1);
  EXPECT_EQ(evaluated, train(1));
  EXPECT_NE(train(0), train(1)) << "the order of the batches";
}

TEST(TorchEvaluator, NumericClassNamesWhatTheBitsDependOn) {
  EXPECT_THAT(TorchEvaluator(kShipped).NumericClass(),
              MatchesRegex("lathe-[0-9]+-torch-[0-9]+\\.[0-9]+\\.[0-9]+[^-]*-(no_avx|avx[0-9]*)-("
                           "blas|openblas-[a-z0-9_]+)-glibc-[0-9.]+-" +
                           std::string(VmExecutor().Name())));
}

TEST(TorchEvaluator, ChecksTaskAndData) {
  TorchEvaluator evaluator(kShipped), elsewhere("/nonexistent");
  EXPECT_TRUE(evaluator.Check(TaskFrom()).ok());
  v1::Task wrong = TaskFrom();
  wrong.set_batch(0xffff);
  EXPECT_THAT(std::string(evaluator.Check(wrong).message()), HasSubstr("task.batch"));
  EXPECT_THAT(std::string(elsewhere.Check(TaskFrom()).message()),
              HasSubstr("/nonexistent/digits.csv.gz"));
  EXPECT_EQ(elsewhere.Evaluate(Sgd("1"), TaskFrom(), 0, Measure::kValidation).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(TorchEvaluator, RefusesWhatItCannotRun) {
  TorchEvaluator evaluator(kShipped);
  v1::Task wrong = TaskFrom();
  wrong.set_batch(0xffff);
  const auto code = [&](const Program& program, const v1::Task& task, int seed_index) {
    return evaluator.Evaluate(program, task, seed_index, Measure::kValidation).status().code();
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
