// What every evaluator does, for convolutional nets.
#include "evaluators/testing/evaluator_contract.h"
#include "evaluators/torch/torch_evaluator.h"

namespace lathe {

const char* const kContractModel = "conv_net {}";

std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory) {
  return std::make_unique<TorchEvaluator>(data_directory);
}

}  // namespace lathe
