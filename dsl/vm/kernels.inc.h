// The loops of kernels.h. Included once by each build, after one of isa_*.inc.h.
#include <utility>

#include "dsl/kernels.h"
#include "dsl/vm/kernels.h"
#include "dsl/vm/vectors.inc.h"

namespace lathe::vm {
namespace {

// Which ops have a vector form; the others are their expression in a loop.
template <Code code>
struct Vector {};

#include "dsl/vm/vector_ops.inc.h"

template <typename T>
inline T SignOf(T a) {
  return kernels::sign::Apply<T>(a);
}

struct superops {
#define LATHE_CALL_1 T a
#define LATHE_CALL_2 T a, T b
#define LATHE_CALL_3 T a, T b, T c
#define LATHE_CALL_4 T a, T b, T c, T d
#define LATHE_SUPEROP(name, arity, expression)  \
  struct name {                                 \
    template <typename T>                       \
    static inline T Apply(LATHE_CALL_##arity) { \
      return expression;                        \
    }                                           \
  };
#include "dsl/vm/superops.def"
};

// The plain form of a code.
template <Code code>
struct Plain {};
#define LATHE_OP(name, ...) \
  template <Code code>      \
  requires(code == Code::name) struct Plain<code> : kernels::name {};
#include "dsl/ops.def"
// In double: with a large c the terms are far larger than their sum.
template <>
struct Plain<Code::lerp> {
  template <typename T>
  static T Apply(T a, T b, T c) {
    return static_cast<T>(kernels::lerp::Apply<double>(a, b, c));
  }
};
#define LATHE_SUPEROP(name, ...) \
  template <>                    \
  struct Plain<Code::name> : superops::name {};
#include "dsl/vm/superops.def"

template <Code code>
constexpr int ArityOf() {
  using P = Plain<code>;
  if constexpr (requires { P::template Apply<float>(1.f); }) return 1;
  if constexpr (requires { P::template Apply<float>(1.f, 1.f); }) return 2;
  if constexpr (requires { P::template Apply<float>(1.f, 1.f, 1.f); }) return 3;
  if constexpr (requires { P::template Apply<float>(1.f, 1.f, 1.f, 1.f); }) return 4;
  return 0;
}

template <Code code, int mask>
void PlainLoop(size_t n, const float* a, const float* b, const float* c, const float* d,
               float* out) {
  using P = Plain<code>;
  constexpr int arity = ArityOf<code>();
  const float fixed_a = *a, fixed_b = arity > 1 ? *b : 0;
  const float fixed_c = arity > 2 ? *c : 0, fixed_d = arity > 3 ? *d : 0;
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) {
    const float x = mask & 1 ? fixed_a : a[i];
    if constexpr (arity == 1) out[i] = P::template Apply<float>(x);
    if constexpr (arity > 1) {
      const float y = mask & 2 ? fixed_b : b[i];
      if constexpr (arity == 2) out[i] = P::template Apply<float>(x, y);
      if constexpr (arity > 2) {
        const float z = mask & 4 ? fixed_c : c[i];
        if constexpr (arity == 3) out[i] = P::template Apply<float>(x, y, z);
        if constexpr (arity > 3) {
          const float w = mask & 8 ? fixed_d : d[i];
          out[i] = P::template Apply<float>(x, y, z, w);
        }
      }
    }
  }
}

template <Code code, int mask>
void VectorLoop(size_t n, const float* a, const float* b, const float*, const float*, float* out) {
  const V fixed_a = Lift(*a), fixed_b = ArityOf<code>() > 1 ? Lift(*b) : V{};
  const auto apply = [](V x, V y) __attribute__((always_inline)) {
    if constexpr (ArityOf<code>() == 1) {
      return Vector<code>::Apply(x);
    } else {
      return Vector<code>::Apply(x, y);
    }
  };
  const auto of_a = [&](size_t i) { return mask & 1 ? fixed_a : Load(a + i); };
  const auto of_b = [&](size_t i) {
    return mask & 2 || ArityOf<code>() == 1 ? fixed_b : Load(b + i);
  };
  if (n < kFloats) {
    const V x = mask & 1 ? fixed_a : LoadPart(a, n);
    const V y = mask & 2 || ArityOf<code>() == 1 ? fixed_b : LoadPart(b, n);
    if (n > 0) SavePart(out, apply(x, y), n);
    return;
  }
  // The last vector may overlap with the one before it, and its operands with the results of that.
  const size_t last = n - kFloats;
  const V last_a = of_a(last), last_b = of_b(last);
  size_t i = 0;
  if constexpr (requires { &Vector<code>::ApplyToEach; }) {
    for (; i + kTogether * kFloats <= last; i += kTogether * kFloats) {
      V together[kTogether];
#pragma GCC unroll 8
      for (int k = 0; k < kTogether; ++k) together[k] = of_a(i + k * kFloats);
      Vector<code>::ApplyToEach(together);
#pragma GCC unroll 8
      for (int k = 0; k < kTogether; ++k) Save(out + i + k * kFloats, together[k]);
    }
  }
  for (; i < last; i += kFloats) Save(out + i, apply(of_a(i), of_b(i)));
  Save(out + last, apply(last_a, last_b));
}

template <Code code, int mask>
constexpr Elementwise LoopOf() {
  constexpr int arity = ArityOf<code>();
  if constexpr (arity == 0 || mask >= 1 << arity) {
    return nullptr;
  } else if constexpr (requires { &Vector<code>::Apply; }) {
    return &VectorLoop<code, mask>;
  } else {
    return &PlainLoop<code, mask>;
  }
}

template <Code code, size_t... masks>
constexpr auto LoopsOf(std::index_sequence<masks...>) {
  return std::array<Elementwise, sizeof...(masks)>{LoopOf<code, masks>()...};
}

template <size_t... codes>
constexpr auto AllLoops(std::index_sequence<codes...>) {
  return std::array{
      LoopsOf<static_cast<Code>(codes)>(std::make_index_sequence<1 << kMaxOperands>())...};
}

// Sixteen doubles in vectors as wide as the machine's.
constexpr int kDoubles = kFloats / 2;
constexpr int kLanes = 16;
constexpr int kVectors = kLanes / kDoubles;
typedef double D __attribute__((vector_size(kDoubles * sizeof(double))));
typedef float H __attribute__((vector_size(kDoubles * sizeof(float))));
typedef float HU __attribute__((vector_size(kDoubles * sizeof(float)), aligned(4), may_alias));
typedef double DU __attribute__((vector_size(kDoubles * sizeof(double)), aligned(8), may_alias));

inline D Widen(const float* p) {
  return __builtin_convertvector(static_cast<H>(*reinterpret_cast<const HU*>(p)), D);
}

struct Lanes {
  D part[kVectors];

  // -0 is the one number that adding to changes nothing.
  Lanes() {
    for (D& numbers : part) numbers = -D{};
  }

  // In one order, whatever the width.
  double Total() const {
    double lane[kLanes];
    std::memcpy(lane, part, sizeof lane);
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
    }
    return lane[0];
  }
  void AddAt(size_t i, double value) {
    double lane[kLanes];
    std::memcpy(lane, part, sizeof lane);
    lane[i] += value;
    std::memcpy(part, lane, sizeof lane);
  }
};

double Sum(size_t n, const float* x) {
  Lanes total;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) total.part[k] += Widen(x + i + k * kDoubles);
  }
  for (size_t k = 0; i + k < n; ++k) total.AddAt(k, x[i + k]);
  return total.Total();
}

double SumProducts(size_t n, const float* x, const float* y) {
  Lanes total;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) {
      total.part[k] += Widen(x + i + k * kDoubles) * Widen(y + i + k * kDoubles);
    }
  }
  for (size_t k = 0; i + k < n; ++k) total.AddAt(k, double{x[i + k]} * double{y[i + k]});
  return total.Total();
}

void SumDeviations(size_t n, const float* x, double center, double* sum, double* squares) {
  Lanes first, second;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) {
      const D deviation = Widen(x + i + k * kDoubles) - center;
      first.part[k] += deviation;
      second.part[k] += deviation * deviation;
    }
  }
  for (size_t k = 0; i + k < n; ++k) {
    const double deviation = x[i + k] - center;
    first.AddAt(k, deviation);
    second.AddAt(k, deviation * deviation);
  }
  *sum += first.Total();
  *squares += second.Total();
}

template <V (*combine)(V, V)>
float Extreme(size_t n, const float* x, float so_far) {
  V best = Lift(so_far);
  size_t i = 0;
  for (; i + kFloats <= n; i += kFloats) best = combine(best, Load(x + i));
  if (i < n) {
    V rest = Lift(so_far);
    std::memcpy(&rest, x + i, (n - i) * sizeof(float));
    best = combine(best, rest);
  }
  float lanes[kFloats];
  std::memcpy(lanes, &best, sizeof lanes);
  for (int k = 1; k < kFloats; ++k) lanes[0] = combine(Lift(lanes[0]), Lift(lanes[k]))[0];
  return lanes[0];
}

void AddEach(size_t n, const float* x, double* total) {
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) total[i] += double{x[i]};
}

void AddProductsEach(size_t n, const float* x, const float* y, double* total) {
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) total[i] += double{x[i]} * double{y[i]};
}

void AddDeviationsEach(size_t n, const float* x, const double* center, double* sum,
                       double* squares) {
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) {
    const double deviation = x[i] - center[i];
    sum[i] += deviation;
    squares[i] += deviation * deviation;
  }
}

#include "dsl/vm/multiply.inc.h"

constexpr Kernels kTable = {
    .name = LATHE_ISA,
    .elementwise = AllLoops(std::make_index_sequence<kCodeCount>()),
    .sum = &Sum,
    .sum_products = &SumProducts,
    .sum_deviations = &SumDeviations,
    .largest = &Extreme<&Max>,
    .smallest = &Extreme<&Min>,
    .add_each = &AddEach,
    .add_products_each = &AddProductsEach,
    .add_deviations_each = &AddDeviationsEach,
    .multiply = &Multiply,
};

}  // namespace
}  // namespace lathe::vm
