#include "dsl/vm/kernels.h"

#include <vector>

#include "dsl/vm/builds.h"

namespace lathe::vm {

std::span<const Kernels* const> AvailableKernels() {
  static const std::vector<const Kernels*> available = [] {
    std::vector<const Kernels*> kernels;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      kernels.push_back(&Avx512Kernels());
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      kernels.push_back(&Avx2Kernels());
    }
#endif
    kernels.push_back(&PortableKernels());
    return kernels;
  }();
  return available;
}

}  // namespace lathe::vm
