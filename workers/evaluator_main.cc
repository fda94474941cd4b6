// lathe-evaluator: trains with torch what a lathe-worker sends it. The one process that links
// torch.
#include <CLI/CLI.hpp>
#include <string>

#include "evaluators/torch_evaluator.h"
#include "workers/evaluator_loop.h"

namespace lathe {
namespace {

constexpr int kUsage = 2;

int Main(int argc, char** argv) {
  std::string data_directory;
  CLI::App app("Trains what lathe-worker sends it; is started by it.", "lathe-evaluator");
  app.add_option("--data", data_directory, "Folder of the datasets")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  TorchEvaluator evaluator(data_directory);
  return RunEvaluatorProcess("lathe-evaluator", evaluator);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
