// How a build for AVX2 with FMA names itself and reaches SLEEF; see vectors.inc.h.
#include <immintrin.h>
#include <sleef.h>

#define LATHE_ISA "avx2"
#define LATHE_SLEEF(a, f) Sleef_finz_##f##8_u10avx2(a)
#define LATHE_SLEEF2(a, b, f) Sleef_finz_##f##8_u10avx2(a, b)
#define LATHE_SLEEF_U15(a, f) Sleef_finz_##f##8_u15avx2(a)
#define LATHE_ALL(condition) (_mm256_movemask_ps(reinterpret_cast<__m256>(condition)) == 0xff)

namespace lathe::vm {
namespace {
constexpr int kFloats = 8;
}  // namespace
}  // namespace lathe::vm
