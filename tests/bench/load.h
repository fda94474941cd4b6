// How many evaluations a server hands out, takes back and records in a second, and how long its
// workers wait for a lease. Server and workers are processes on a core each, with a socket between
// them.
#ifndef LATHE_TESTS_BENCH_LOAD_H_
#define LATHE_TESTS_BENCH_LOAD_H_

#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

// Registers the benchmarks; gives their figures.
std::vector<Figure> RegisterLoad();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_LOAD_H_
