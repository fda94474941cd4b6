// lathe-evaluator-torch: trains what a lathe-worker sends it with torch's kernels: convolutional
// nets and transformers.
#include <CLI/CLI.hpp>
#include <string>

#include "evaluators/torch/torch_evaluator.h"
#include "workers/evaluator_loop.h"

namespace lathe {
namespace {

constexpr int kUsage = 2;

int Main(int argc, char** argv) {
  std::string data_directory;
  int threads = 1;
  CLI::App app("Trains convolutional nets and transformers for lathe-worker; is started by it.",
               "lathe-evaluator-torch");
  app.add_option("--data", data_directory, "Folder of the datasets")->required();
  app.add_option("--threads", threads, "One; a machine with more cores runs more workers")
      ->check(CLI::Range(1, 1))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  TorchEvaluator evaluator(data_directory);
  return RunEvaluatorProcess("lathe-evaluator-torch", evaluator);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
