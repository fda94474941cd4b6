// What every evaluator does, for a registered model: a convolutional net from a TorchScript file.
#include <cstdlib>
#include <filesystem>
#include <string>

#include "evaluators/testing/evaluator_contract.h"
#include "evaluators/torch/testing/made_modules.h"
#include "evaluators/torch/torch_evaluator.h"

namespace lathe {
namespace {

// A folder with the digits and the model, removed at the end of the program.
class FolderWithModel {
 public:
  FolderWithModel() {
    std::string pattern = testing::TempDir() + "/lathe-contract-XXXXXX";
    path_ = mkdtemp(pattern.data());
    std::filesystem::copy(std::string(kShippedData) + "/digits.csv.gz", path_);
    RegisterMade(path_, "net", MakeConvNetFile());
  }
  ~FolderWithModel() { std::filesystem::remove_all(path_); }
  FolderWithModel(const FolderWithModel&) = delete;
  FolderWithModel& operator=(const FolderWithModel&) = delete;
  const std::string& Path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

const ContractCase& Contract() {
  static const FolderWithModel folder;
  static const ContractCase contract = {.task = "torchscript { name: \"net\" }",
                                        .data = folder.Path(),
                                        .guess = 2.45};  // of the file's own numbers
  return contract;
}

std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory) {
  return std::make_unique<TorchEvaluator>(data_directory);
}

}  // namespace lathe
