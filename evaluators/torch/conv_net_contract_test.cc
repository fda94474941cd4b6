// What every evaluator does, for convolutional nets.
#include "evaluators/testing/evaluator_contract.h"
#include "evaluators/torch/torch_evaluator.h"

namespace lathe {

const ContractCase& Contract() {
  static const ContractCase* const contract = new ContractCase{.task = "conv_net {}"};
  return *contract;
}

std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory) {
  return std::make_unique<TorchEvaluator>(data_directory);
}

}  // namespace lathe
