// How long a server takes to take up a search from its log, and how much memory that takes. The
// environment variable LATHE_BENCH_CANDIDATES says how many candidates the search has; 1,000,000 if
// it does not.
#ifndef LATHE_TESTS_BENCH_RESTART_H_
#define LATHE_TESTS_BENCH_RESTART_H_

#include <string>
#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

// Registers the benchmark; gives its figures.
std::vector<Figure> RegisterRestart();

// The main function of the process that takes the search up; `arguments` are those after the first
// one, kRestartArgument.
inline constexpr char kRestartArgument[] = "--restart";
int RestartMain(const std::vector<std::string>& arguments);

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_RESTART_H_
