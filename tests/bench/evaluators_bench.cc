// How fast candidates are trained and scored.
#include <string>
#include <utility>
#include <vector>

#include "evaluators/population/kernels.h"
#include "evaluators/torch/blas.h"
#include "tests/bench/figures.h"
#include "tests/bench/networks.h"
#include "tests/bench/populations.h"

int main(int argc, char** argv) {
  using namespace lathe;
  UseOneBlasThread();
  const std::string isa(AvailablePopulationKernels().front().matrices->name);
  std::vector<bench::Figure> figures = bench::RegisterPopulations();
  for (bench::Figure& figure : bench::RegisterNetworks()) figures.push_back(std::move(figure));
  return bench::RunBenchmarks(argc, argv, figures,
                              {"kernels: " + isa, "BLAS of torch: " + BlasName(),
                               "conv and transformer populations: bounded by products of matrices, "
                               "two and three fifths of a step; the rest moves memory"});
}
