#include "evaluators/population/kernels.h"

#include <vector>

namespace lathe {
namespace {

const PopulationKernels& LoopsOf(const vm::Kernels& kernels) {
#if defined(__x86_64__)
  if (kernels.name == "avx512") return Avx512PopulationKernels();
  if (kernels.name == "avx2") return Avx2PopulationKernels();
#endif
  return PortablePopulationKernels();
}

}  // namespace

std::span<const PopulationKernels> AvailablePopulationKernels() {
  static const std::vector<PopulationKernels> available = [] {
    std::vector<PopulationKernels> kernels;
    for (const vm::Kernels* matrices : vm::AvailableKernels()) {
      kernels.push_back(LoopsOf(*matrices));
      kernels.back().matrices = matrices;
    }
    return kernels;
  }();
  return available;
}

}  // namespace lathe
