// How many evaluations are looked up in a second in a store that has many.
#ifndef LATHE_TESTS_BENCH_LOOK_UPS_H_
#define LATHE_TESTS_BENCH_LOOK_UPS_H_

#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

// Registers the benchmark; gives its figures.
std::vector<Figure> RegisterLookUps();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_LOOK_UPS_H_
