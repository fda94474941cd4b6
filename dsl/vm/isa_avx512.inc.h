// How a build for AVX-512 names itself and reaches SLEEF; see vectors.inc.h.
#include <immintrin.h>
#include <sleef.h>

#define LATHE_ISA "avx512"
#define LATHE_SLEEF(a, f) Sleef_finz_##f##16_u10avx512f(a)
#define LATHE_SLEEF2(a, b, f) Sleef_finz_##f##16_u10avx512f(a, b)
#define LATHE_SLEEF_U15(a, f) Sleef_finz_##f##16_u15avx512f(a)
#define LATHE_ALL(condition) \
  (_mm512_test_epi32_mask(reinterpret_cast<__m512i>(condition), _mm512_set1_epi32(-1)) == 0xffff)

namespace lathe::vm {
namespace {
constexpr int kFloats = 16;
}  // namespace
}  // namespace lathe::vm
