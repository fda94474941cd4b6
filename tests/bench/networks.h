// How fast populations of convolutional nets and of transformers are trained, beside plain torch.
#ifndef LATHE_TESTS_BENCH_NETWORKS_H_
#define LATHE_TESTS_BENCH_NETWORKS_H_

#include <vector>

#include "tests/bench/figures.h"

namespace lathe::bench {

std::vector<Figure> RegisterNetworks();

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_NETWORKS_H_
