#include "dsl/vm/kernels.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dsl/vm/builds.h"

namespace lathe::vm {
namespace {

constexpr size_t kProbes = 256;

// Floats of every size, by their bits.
std::array<float, kProbes> Probes(uint32_t bits) {
  std::array<float, kProbes> probes;
  for (float& probe : probes) {
    bits = bits * 1664525u + 1013904223u;
    probe = std::bit_cast<float>(bits);
  }
  return probes;
}

bool SameBits(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

// Results must not depend on the machine. A library whose functions for wide vectors differ from
// those for narrow ones would let them: such a build is not used.
bool AgreesWithPortable(const Kernels& kernels) {
  static const auto a = Probes(1), b = Probes(2), c = Probes(3), d = Probes(4);
  for (int code = 0; code < kCodeCount; ++code) {
    const Elementwise loop = kernels.elementwise[code][0];
    if (loop == nullptr) continue;
    std::array<float, kProbes> fast, portable;
    loop(kProbes, a.data(), b.data(), c.data(), d.data(), fast.data());
    PortableKernels().elementwise[code][0](kProbes, a.data(), b.data(), c.data(), d.data(),
                                           portable.data());
    for (size_t i = 0; i < kProbes; ++i) {
      if (!SameBits(fast[i], portable[i])) return false;
    }
  }
  return true;
}

std::vector<const Kernels*> FindKernels() {
  std::vector<const Kernels*> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && AgreesWithPortable(Avx512Kernels())) {
    kernels.push_back(&Avx512Kernels());
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      AgreesWithPortable(Avx2Kernels())) {
    kernels.push_back(&Avx2Kernels());
  }
#endif
  kernels.push_back(&PortableKernels());
  return kernels;
}

}  // namespace

std::span<const Kernels* const> AvailableKernels() {
  static const std::vector<const Kernels*> available = FindKernels();
  return available;
}

}  // namespace lathe::vm
