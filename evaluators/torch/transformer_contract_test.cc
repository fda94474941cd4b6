// What every evaluator does, for transformers on a text.
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

#include "dsl/random.h"
#include "evaluators/datasets/registered.h"
#include "evaluators/datasets/text.h"
#include "evaluators/testing/evaluator_contract.h"
#include "evaluators/torch/torch_evaluator.h"

namespace lathe {
namespace {

// Words of a small vocabulary at random: within a word the next letter is certain, which a short
// training finds out.
std::string Babble() {
  constexpr const char* kWords[] = {"lathe ", "turn ", "chisel ", "bow "};
  RandomStream random(7, {});
  std::string text;
  while (text.size() < 20'000) text += kWords[random.Below(std::size(kWords))];
  return text;
}

// A folder with such a text, removed at the end of the program.
class FolderWithText {
 public:
  FolderWithText() {
    std::string pattern = testing::TempDir() + "/lathe-contract-XXXXXX";
    path_ = mkdtemp(pattern.data());
    const Dataset text = ParseText({"babble", Babble()}).value();
    EXPECT_TRUE(RegisterDataset(path_, "babble", text, {"text"}).ok());
  }
  ~FolderWithText() { std::filesystem::remove_all(path_); }
  FolderWithText(const FolderWithText&) = delete;
  FolderWithText& operator=(const FolderWithText&) = delete;
  const std::string& Path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

const ContractCase& Contract() {
  static const FolderWithText folder;
  static const ContractCase contract = {
      .task =
          "dataset: \"babble\" train_examples: 400 validation_examples: 100 "
          "test_examples: 100 batch: 16 "
          "transformer { context: 16 width: 16 heads: 2 layers: 1 }",
      .deep = "transformer { context: 16 width: 16 heads: 2 layers: 3 }",
      .data = folder.Path(),
      .missing = "/nonexistent/babble/dataset.textproto",
      .guess = 2.77,  // 16 different bytes
      .early = 2.0,
      .late = 1.5,
      .learned = 1.2,
      .learned_error = 0.4,
      // A norm of what is too large to be squared gives 0, and so the loss of guessing.
      .huge = "1e60",
  };
  return contract;
}

std::unique_ptr<Evaluator> MakeEvaluator(const std::string& data_directory) {
  return std::make_unique<TorchEvaluator>(data_directory);
}

}  // namespace lathe
