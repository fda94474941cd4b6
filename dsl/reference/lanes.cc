#include "dsl/reference/lanes.h"

#include <cmath>

#include "dsl/kernels.h"

namespace lathe::reference {
namespace {

// Calls run(stride...) with the strides of the first `arity` lanes as compile-time constants, so
// that each combination is a loop of its own that the compiler can vectorize.
template <int arity, typename Run, typename... Strides>
void WithStrides(const Lanes& in, Run run, Strides... strides) {
  constexpr int done = sizeof...(strides);
  if constexpr (done == arity) {
    run(strides...);
  } else if (in[done].stride == 1) {
    WithStrides<arity>(in, run, strides..., std::integral_constant<int, 1>{});
  } else {
    WithStrides<arity>(in, run, strides..., std::integral_constant<int, 0>{});
  }
}

template <typename Kernel, typename T>
void Apply(int64_t n, const Lanes& in, double* out) {
  const double *a = in[0].data, *b = in[1].data, *c = in[2].data;
  const auto at = [](const double* data, int64_t i) { return static_cast<T>(data[i]); };
  if constexpr (requires { Kernel::Apply(1.0, 1.0, 1.0); }) {
    WithStrides<3>(in, [&](auto sa, auto sb, auto sc) {
      for (int64_t i = 0; i < n; ++i) {
        out[i] = Kernel::Apply(at(a, i * sa), at(b, i * sb), at(c, i * sc));
      }
    });
  } else if constexpr (requires { Kernel::Apply(1.0, 1.0); }) {
    WithStrides<2>(in, [&](auto sa, auto sb) {
      for (int64_t i = 0; i < n; ++i) out[i] = Kernel::Apply(at(a, i * sa), at(b, i * sb));
    });
  } else if constexpr (requires { Kernel::Apply(1.0); }) {
    WithStrides<1>(in, [&](auto sa) {
      for (int64_t i = 0; i < n; ++i) out[i] = Kernel::Apply(at(a, i * sa));
    });
  }
}

template <typename Kernel>
double Reduce(kernels::Numbers a, kernels::Numbers b) {
  if constexpr (requires { Kernel::Reduce(a); }) return Kernel::Reduce(a);
  if constexpr (requires { Kernel::Reduce(a, b); }) return Kernel::Reduce(a, b);
  return NAN;
}

template <typename Kernel>
double Finish(double moment) {
  if constexpr (requires { Kernel::Finish(1.0); }) return Kernel::Finish(moment);
  return moment;
}

template <typename Kernel>
void Normalize(std::span<double> a) {
  if constexpr (requires { Kernel::Normalize(a); }) Kernel::Normalize(a);
}

template <typename T>
void ApplyIn(Op op, int64_t n, const Lanes& in, double* out) {
  switch (op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return Apply<kernels::name, T>(n, in, out);
#include "dsl/ops.def"
    // clang-format on
  }
}

}  // namespace

void ApplyElementwise(Op op, int64_t n, const Lanes& in, double* out) {
  ApplyIn<double>(op, n, in, out);
}

void ApplyElementwiseInFloat(Op op, int64_t n, const Lanes& in, double* out) {
  ApplyIn<float>(op, n, in, out);
}

double ReduceGroup(Op op, std::span<const double> a, std::span<const double> b) {
  switch (op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return Reduce<kernels::name>(a, b);
#include "dsl/ops.def"
    // clang-format on
  }
  return NAN;
}

double FinishMoment(Op op, double moment) {
  switch (op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return Finish<kernels::name>(moment);
#include "dsl/ops.def"
    // clang-format on
  }
  return NAN;
}

void NormalizeGroup(Op op, std::span<double> a) {
  switch (op) {
// clang-format off
#define LATHE_OP(name, ...) case Op::name: return Normalize<kernels::name>(a);
#include "dsl/ops.def"
    // clang-format on
  }
}

}  // namespace lathe::reference
