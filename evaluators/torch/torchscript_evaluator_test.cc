// Registered models in the evaluator: beside the built-in net of the same arithmetic, whoever
// shares a batch, and where something is wrong with them.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "dsl/known_programs.h"
#include "dsl/random.h"
#include "dsl/text.h"
#include "evaluators/datasets/load_dataset.h"
#include "evaluators/splits.h"
#include "evaluators/task/task.h"
#include "evaluators/torch/testing/made_modules.h"
#include "evaluators/torch/torch_evaluator.h"
#include "evaluators/torch/torchscript_network.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TorchScriptEvaluatorTest : public testing::Test {
 protected:
  TorchScriptEvaluatorTest() {
    std::string pattern = testing::TempDir() + "/lathe-torchscript-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    fs::copy(LATHE_SOURCE_DIR "/evaluators/data/digits.csv.gz", directory_);
  }
  ~TorchScriptEvaluatorTest() override { fs::remove_all(directory_); }

  v1::Task TaskOf(const std::string& name) {
    v1::Task task;
    task.mutable_torchscript()->set_name(name);
    task.set_steps(12);
    task.set_base_lr(0.05);
    return ResolveTask(task, SurveyDatasets(directory_).Catalog()).value();
  }

  // Objectives of SGD, AdamW and Lion, as often as asked for, trained together.
  std::vector<double> Together(const v1::Task& task, const std::vector<std::string>& names,
                               Measure measure = Measure::kValidation) {
    std::vector<Program> programs;
    for (const std::string& name : names) programs.push_back(KnownProgram(name).value());
    std::vector<const Program*> pointers;
    for (const Program& program : programs) pointers.push_back(&program);
    const int seeds[] = {0};
    std::vector<double> objectives(names.size());
    TorchEvaluator evaluator(directory_);
    evaluator.EvaluatePopulation(
        {.programs = pointers, .task = task, .seeds = seeds, .measure = measure},
        [&](size_t i, absl::StatusOr<std::vector<Evaluation>> evaluations) {
          ASSERT_TRUE(evaluations.ok()) << evaluations.status();
          objectives[i] = evaluations->front().objective;
        });
    return objectives;
  }

  absl::Status Trained(const v1::Task& task) {
    TorchEvaluator evaluator(directory_);
    return evaluator.Evaluate(KnownProgram("sgd").value(), task, 0, Measure::kValidation).status();
  }

  std::string directory_;
};

Examples RandomDigits(int count) {
  Examples examples;
  examples.features = 64;
  RandomStream random(5, {});
  for (int i = 0; i < count * 64; ++i) {
    examples.values.push_back(static_cast<float>(random.Normal()));
  }
  for (int i = 0; i < count; ++i)
    examples.classes.push_back(static_cast<uint8_t>(random.Below(10)));
  return examples;
}

// Both sum up float products in orders of their own: a few units in the last place of the terms.
TEST_F(TorchScriptEvaluatorTest, LossAndGradientAreThoseOfTheBuiltInNet) {
  RegisterMade(directory_, "net", MakeConvNetFile());
  v1::Task task = TaskOf("net"), built_in_task;
  built_in_task.mutable_conv_net();
  built_in_task = ResolveTask(built_in_task).value();
  ASSERT_EQ(ParameterShapes(task).size(), ParameterShapes(built_in_task).size());
  const TorchScriptModule module = TorchScriptModule::Load(MakeConvNetFile()).value();
  const auto network = MakeTorchScriptNetwork(module, task, 0);
  const auto built_in = MakeConvNet(built_in_task);
  const std::vector<float> start = module.ReadParameters();
  std::ranges::copy(start, network->Parameters().begin());
  std::ranges::copy(start, built_in->Parameters().begin());
  const Examples examples = RandomDigits(77);
  std::vector<int> rows;
  for (int i = 0; i < 32; ++i) rows.push_back(2 * i);
  network->TakeBatch(examples, rows);
  built_in->TakeBatch(examples, rows);
  EXPECT_NEAR(network->ForwardBackward(), built_in->ForwardBackward(), 1e-6);
  double largest = 0;
  for (size_t i = 0; i < start.size(); ++i) {
    largest = std::max<double>(largest, std::abs(built_in->Gradient()[i]));
    ASSERT_NEAR(network->Gradient()[i], built_in->Gradient()[i], 1e-6) << i;
  }
  EXPECT_GT(largest, 0.01);
  const SplitScore score = network->Score(examples), expected = built_in->Score(examples);
  EXPECT_NEAR(score.loss, expected.loss, 1e-6);
  EXPECT_EQ(score.error, expected.error);
}

TEST_F(TorchScriptEvaluatorTest, NobodyMindsWhoSharesABatch) {
  RegisterMade(directory_, "forgetful", MakeForgetfulNetFile());
  v1::Task task = TaskOf("forgetful");
  task.set_objective(v1::Task::STEPS_TO_TARGET);
  const double sgd = Together(task, {"sgd"}).front(), adamw = Together(task, {"adamw"}).front();
  const double lion = Together(task, {"lion"}).front();
  EXPECT_EQ(std::set<double>({sgd, adamw, lion}).size(), 3u);
  EXPECT_EQ(Together(task, {"sgd", "adamw", "lion", "sgd"}),
            std::vector<double>({sgd, adamw, lion, sgd}));
  EXPECT_EQ(Together(task, {"lion", "sgd", "adamw"}), std::vector<double>({lion, sgd, adamw}));
}

TEST_F(TorchScriptEvaluatorTest, EveryStepDrawsAnew) {
  const std::string dropout = MakeTorchScript({{"w", {10, 64}}}, R"(
def forward(self, x):
    x = torch.dropout(torch.flatten(x, 1), 0.5, self.training)
    return torch.mm(x, torch.t(self.w))
)",
                                              "1x8x8");
  RegisterMade(directory_, "dropout", dropout);
  const v1::Task task = TaskOf("dropout");
  const TorchScriptModule module = TorchScriptModule::Load(dropout).value();
  const Examples examples = RandomDigits(32);
  const std::vector<int> rows(32, 3);
  const auto losses = [&](int seed_index) {
    const auto network = MakeTorchScriptNetwork(module, task, seed_index);
    std::ranges::copy(module.ReadParameters(), network->Parameters().begin());
    std::vector<double> both;
    for (int step = 0; step < 2; ++step) {
      network->TakeBatch(examples, rows);
      both.push_back(network->ForwardBackward());
      EXPECT_EQ(network->ForwardBackward(), both.back()) << "for the next model, the same luck";
    }
    return both;
  };
  const std::vector<double> first = losses(0);
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(losses(0), first);
  EXPECT_NE(losses(1)[0], first[0]);
}

TEST_F(TorchScriptEvaluatorTest, MeasuringChangesNothing) {
  RegisterMade(directory_, "forgetful", MakeForgetfulNetFile());
  const v1::Task task = TaskOf("forgetful");
  const TorchScriptModule module = TorchScriptModule::Load(MakeForgetfulNetFile()).value();
  const Examples examples = RandomDigits(50);
  std::vector<int> rows(32, 3);
  std::vector<double> losses;
  for (const bool measured : {false, true}) {
    const auto network = MakeTorchScriptNetwork(module, task, 0);
    std::ranges::copy(module.ReadParameters(), network->Parameters().begin());
    for (int step = 0; step < 3; ++step) {
      network->TakeBatch(examples, rows);
      losses.push_back(network->ForwardBackward());
      if (measured) network->Score(examples);
    }
  }
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(losses[i], losses[i + 3]) << i;
}

TEST_F(TorchScriptEvaluatorTest, StartsFromTheFileOrShuffled) {
  RegisterMade(directory_, "net", MakeConvNetFile());
  v1::Task task = TaskOf("net");
  const std::vector<float> saved =
      TorchScriptModule::Load(MakeConvNetFile()).value().ReadParameters();
  EXPECT_EQ(DrawRegisteredParameters(task, 0, saved), saved);
  EXPECT_EQ(DrawRegisteredParameters(task, 3, saved), saved);
  task.mutable_torchscript()->set_start(v1::TorchScript::SHUFFLED);
  const std::vector<float> first = DrawRegisteredParameters(task, 0, saved);
  EXPECT_NE(first, saved);
  EXPECT_NE(DrawRegisteredParameters(task, 1, saved), first);
  size_t begin = 0;
  for (const Shape& shape : ParameterShapes(task)) {
    const auto size = static_cast<std::ptrdiff_t>(shape.Elements());
    const auto from = static_cast<std::ptrdiff_t>(begin);
    EXPECT_TRUE(std::is_permutation(first.begin() + from, first.begin() + from + size,
                                    saved.begin() + from));
    begin += static_cast<size_t>(size);
  }
}

TEST_F(TorchScriptEvaluatorTest, ModelsThatAreNotWhatTheTaskSaysAreRefused) {
  RegisterMade(directory_, "net", MakeConvNetFile());
  const v1::Task task = TaskOf("net");
  v1::Task lie = task;
  lie.mutable_torchscript()->mutable_description()->set_multiply_adds(1);
  EXPECT_THAT(std::string(Trained(lie).message()), HasSubstr("net is not what the task says"));
  RegisterMade(directory_, "net", MakeForgetfulNetFile());
  EXPECT_THAT(std::string(Trained(task).message()), HasSubstr("net is not what the task says"));
  v1::Task gone = task;
  gone.mutable_torchscript()->set_name("gone");
  EXPECT_THAT(std::string(Trained(gone).message()), HasSubstr("gone/model.textproto"));
  TorchEvaluator evaluator(directory_);
  EXPECT_TRUE(evaluator.Check(TaskOf("net")).ok());
  EXPECT_FALSE(evaluator.Check(gone).ok());
}

TEST_F(TorchScriptEvaluatorTest, AFileThatHasChangedIsNamed) {
  const v1::RegisteredModel model = RegisterMade(directory_, "net", MakeConvNetFile());
  const v1::Task task = TaskOf("net");
  const std::string path = directory_ + "/net/" + model.description().content_hash() + ".pt";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(500);
  file.put('x');
  file.close();
  const absl::Status status = Trained(task);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path + ": content hash is "));
  EXPECT_TRUE(SurveyDatasets(directory_).problems.contains("net"));
}

TEST_F(TorchScriptEvaluatorTest, AModuleThatRaisesWhereNumbersHaveGoneHasDiverged) {
  RegisterMade(directory_, "strict",
               MakeTorchScript({{"w", {10, 64}}}, R"(
def forward(self, x):
    y = torch.mm(torch.flatten(x, 1), torch.t(self.w))
    assert bool(torch.all(torch.isfinite(y)))
    return y
)",
                               "1x8x8"));
  const std::string text =
      "lathe 1 optimizer p\ninput g[P,R,C]\nz = sub(g, g)\nupdate = div(z, z)\n";
  TorchEvaluator evaluator(directory_);
  const auto evaluation = evaluator.Evaluate(ParseOrStatus(text, "test").value(), TaskOf("strict"),
                                             0, Measure::kValidation);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_TRUE(evaluation->diverged);
  EXPECT_EQ(evaluation->steps, 1);
}

// What a module raises in the middle of a run is an error, and the process goes on.
TEST_F(TorchScriptEvaluatorTest, ExceptionsInTrainingAreErrors) {
  RegisterMade(directory_, "late",
               MakeTorchScript({{"w", {10, 64}}}, R"(
def forward(self, x):
    self.calls = self.calls + 1
    if self.calls > 5:
        x = torch.view(x, [7, -1])
    return torch.mm(torch.flatten(x, 1), torch.t(self.w))
)",
                               "1x8x8"));
  const absl::Status status = Trained(TaskOf("late"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("is invalid for input of size 2048"));
  RegisterMade(directory_, "net", MakeConvNetFile());
  EXPECT_TRUE(Trained(TaskOf("net")).ok());
}

}  // namespace
}  // namespace lathe
