// What torch models of the benchmarks are moved by: plain SGD or AdamW, in place.
#ifndef LATHE_TESTS_BENCH_TORCH_UPDATE_H_
#define LATHE_TESTS_BENCH_TORCH_UPDATE_H_

#include <ATen/core/Tensor.h>

namespace lathe::bench {

// Step `t`, from 1 on, of parameter `w` with gradient `g`; `m` and `v` are AdamW's moments.
void UpdateInPlace(bool adamw, int t, at::Tensor& w, const at::Tensor& g, at::Tensor& m,
                   at::Tensor& v);

}  // namespace lathe::bench

#endif  // LATHE_TESTS_BENCH_TORCH_UPDATE_H_
