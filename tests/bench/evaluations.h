// How many candidates of a search are evaluated in a second, by what runs their programs.
#ifndef LATHE_TESTS_BENCH_EVALUATIONS_H_
#define LATHE_TESTS_BENCH_EVALUATIONS_H_

#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

// Registers evaluations on the reference and on the vm; gives their figures.
std::vector<Figure> RegisterEvaluations();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_EVALUATIONS_H_
