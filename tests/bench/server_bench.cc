// What the server sustains: load, proposals, look-ups, restarts.
#include <string>
#include <vector>

#include "tests/bench/load.h"
#include "tests/bench/load_server.h"
#include "tests/bench/look_ups.h"
#include "tests/bench/proposals.h"
#include "tests/bench/restart.h"

namespace lathe::bench {
namespace {

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == kServeArgument) {
    return ServeMain({arguments.begin() + 1, arguments.end()});
  }
  if (!arguments.empty() && arguments[0] == kRestartArgument) {
    return RestartMain({arguments.begin() + 1, arguments.end()});
  }
  std::vector<Figure> figures = RegisterLoad();
  for (auto add : {RegisterProposals, RegisterLookUps, RegisterRestart}) {
    for (Figure& figure : add()) figures.push_back(std::move(figure));
  }
  return RunBenchmarks(argc, argv, figures, {});
}

}  // namespace
}  // namespace lathe::bench

int main(int argc, char** argv) {
  return lathe::bench::Main(argc, argv);
}
