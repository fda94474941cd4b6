// lathe-evaluator: trains what a lathe-worker sends it.
#include <CLI/CLI.hpp>
#include <string>

#include "evaluators/population/population_evaluator.h"
#include "workers/evaluator_loop.h"

namespace lathe {
namespace {

constexpr int kUsage = 2;

int Main(int argc, char** argv) {
  std::string data_directory;
  int threads = 1;
  CLI::App app("Trains what lathe-worker sends it; is started by it.", "lathe-evaluator");
  app.add_option("--data", data_directory, "Folder of the datasets")->required();
  app.add_option("--threads", threads, "On which models are trained at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  PopulationEvaluator evaluator(data_directory, {.threads = threads});
  return RunEvaluatorProcess("lathe-evaluator", evaluator);
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  return lathe::Main(argc, argv);
}
