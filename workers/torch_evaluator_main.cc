// lathe-evaluator-torch: trains what a lathe-worker sends it with torch's kernels: convolutional
// nets, transformers and registered models.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "evaluators/torch/describe_model.h"
#include "evaluators/torch/torch_evaluator.h"
#include "evaluators/torch/torch_settings.h"
#include "workers/evaluator_loop.h"
#include "workers/model_reader.h"

namespace lathe {
namespace {

constexpr int kUsage = 2;

int Main(int argc, char** argv) {
  std::string data_directory, input;
  int threads = 1;
  CLI::App app(
      "Trains convolutional nets, transformers and registered models for lathe-worker; is started "
      "by it.",
      "lathe-evaluator-torch");
  app.add_option("--data", data_directory, "Folder of the datasets and models");
  bool reads_model = false;
  app.add_flag("--describe-model", reads_model, "Reads a model instead, for lathe data add");
  app.add_option("--input", input, "What that model is given");
  app.add_option("--threads", threads, "One; a machine with more cores runs more workers")
      ->check(CLI::Range(1, 1))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (reads_model) {
    UseTorchOnThisThread();
    return RunModelReader(input, DescribeModel);
  }
  if (data_directory.empty()) {
    std::fprintf(stderr, "lathe-evaluator-torch: --data is required\n");
    return kUsage;
  }
  TorchEvaluator evaluator(data_directory);
  return RunEvaluatorProcess("lathe-evaluator-torch", evaluator);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
