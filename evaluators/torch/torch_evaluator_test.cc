#include "evaluators/torch/torch_evaluator.h"

#include <gmock/gmock.h>

#include "evaluators/datasets/load_dataset.h"
#include "evaluators/task/task.h"
#include "evaluators/testing/evaluator_contract.h"
#include "evaluators/torch/training_run.h"

namespace lathe {

const ContractCase& Contract() {
  static const ContractCase* const contract = new ContractCase{.task = "mlp { hidden: 32 }"};
  return *contract;
}

std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory) {
  return std::make_unique<TorchEvaluator>(data_directory);
}

namespace {

using ::testing::MatchesRegex;

TEST(TorchEvaluator, StartsFromWhatTheSeedIndexDraws) {
  const v1::Task task = TaskFrom();
  const Problem problem = DrawProblem(LoadDataset(kShippedData, "digits").value(), task, 1);
  const auto train = [&](int seed_index) {
    auto execution = VmExecutor().Prepare(Sgd("0.1"), ParameterShapes(task)).value();
    return BitsOf(Train(task, seed_index, problem, *execution, Measure::kValidation));
  };
  // First, because the evaluator holds the BLAS to one thread.
  const auto evaluated =
      BitsOf(TorchEvaluator(kShippedData).Evaluate(Sgd("0.1"), task, 1, Measure::kValidation));
  EXPECT_EQ(evaluated, train(1));
  EXPECT_NE(train(0), train(1)) << "the order of the batches";
}

TEST(TorchEvaluator, NumericClassNamesWhatTheBitsDependOn) {
  EXPECT_THAT(TorchEvaluator(kShippedData).NumericClass(),
              MatchesRegex("lathe-[0-9]+-torch-[0-9]+\\.[0-9]+\\.[0-9]+[^-]*-(no_avx|avx[0-9]*)-("
                           "blas|openblas-[a-z0-9_]+)-glibc-[0-9.]+-" +
                           std::string(VmExecutor().Name())));
}

}  // namespace
}  // namespace lathe
