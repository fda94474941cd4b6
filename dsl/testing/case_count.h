// How many cases a property test tries.
#ifndef LATHE_DSL_TESTING_CASE_COUNT_H_
#define LATHE_DSL_TESTING_CASE_COUNT_H_

#include <cstdint>

namespace lathe::testing {

// A tenth under sanitizers, which run that much slower.
#ifdef LATHE_SANITIZED
inline constexpr uint64_t Cases(uint64_t count) {
  return count / 10;
}
#else
inline constexpr uint64_t Cases(uint64_t count) {
  return count;
}
#endif

}  // namespace lathe::testing

#endif  // LATHE_DSL_TESTING_CASE_COUNT_H_
