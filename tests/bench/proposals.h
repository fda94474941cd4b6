// How many candidates an evolution proposes in a second on one core, and what takes its time.
#ifndef LATHE_TESTS_BENCH_PROPOSALS_H_
#define LATHE_TESTS_BENCH_PROPOSALS_H_

#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

// Registers a benchmark of the whole and one of each stage over the same candidates; gives their
// figures.
std::vector<Figure> RegisterProposals();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_PROPOSALS_H_
