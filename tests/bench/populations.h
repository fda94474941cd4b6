// How fast small models are trained: as a population, and by torch one at a time and stacked.
#ifndef LATHE_TESTS_BENCH_POPULATIONS_H_
#define LATHE_TESTS_BENCH_POPULATIONS_H_

#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

std::vector<Figure> RegisterPopulations();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_POPULATIONS_H_
