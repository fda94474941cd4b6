// How fast candidates are trained and scored.
#include <string>

#include "evaluators/torch/blas.h"
#include "evaluators/population/kernels.h"
#include "tests/bench/figures.h"
#include "tests/bench/populations.h"

int main(int argc, char** argv) {
  using namespace lathe;
  UseOneBlasThread();
  const std::string isa(AvailablePopulationKernels().front().matrices->name);
  return bench::RunBenchmarks(argc, argv, bench::RegisterPopulations(),
                              {"kernels: " + isa, "BLAS of torch: " + BlasName()});
}
