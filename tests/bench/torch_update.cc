#include "tests/bench/torch_update.h"

#include <ATen/ATen.h>

#include <cmath>

namespace lathe::bench {
namespace {

constexpr double kRate = 0.01, kDecay = 0.01, kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

}  // namespace

void UpdateInPlace(bool adamw, int t, at::Tensor& w, const at::Tensor& g, at::Tensor& m,
                   at::Tensor& v) {
  if (!adamw) {
    w.sub_(g, kRate);
    return;
  }
  w.mul_(1 - kRate * kDecay);
  m.mul_(kBeta1).add_(g, 1 - kBeta1);
  v.mul_(kBeta2).addcmul_(g, g, 1 - kBeta2);
  const double first = 1 - std::pow(kBeta1, t), second = 1 - std::pow(kBeta2, t);
  w.addcdiv_(m, v.sqrt().div_(std::sqrt(second)).add_(kEpsilon), -kRate / first);
}

}  // namespace lathe::bench
