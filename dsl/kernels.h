// What each op computes on numbers, in double: the meaning that every backend is held to. One
// struct per row of ops.def; those of elementwise ops are made from the row, one that is missing
// here does not compile.
#ifndef LATHE_DSL_KERNELS_H_
#define LATHE_DSL_KERNELS_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace lathe::kernels {

#define LATHE_APPLY_1(expression) \
  template <typename T>           \
  static T Apply(T a) {           \
    return expression;            \
  }
#define LATHE_APPLY_2(expression) \
  template <typename T>           \
  static T Apply(T a, T b) {      \
    return expression;            \
  }
#define LATHE_APPLY_3(expression) \
  template <typename T>           \
  static T Apply(T a, T b, T c) { \
    return expression;            \
  }
#define LATHE_ELEMENTWISE(name, arity, traits, weight, cost, since, expression, torch, doc) \
  struct name {                                                                             \
    LATHE_APPLY_##arity(expression)                                                         \
  };
#include "dsl/ops.def"
#undef LATHE_APPLY_1
#undef LATHE_APPLY_2
#undef LATHE_APPLY_3

// Reductions of a group of numbers, never empty. Reduce gives the moment that a layer keeps in its
// buffers, whose start is kBufferStart; Finish, where there is one, turns that into the result.
using Numbers = std::span<const double>;

struct sum {
  static constexpr double kBufferStart = 0;
  // -0 is the one number that adding to changes nothing.
  static double Reduce(Numbers a) {
    double total = -0.0;
    for (double x : a) total += x;
    return total;
  }
};
struct mean {
  static constexpr double kBufferStart = 0;
  static double Reduce(Numbers a) { return sum::Reduce(a) / static_cast<double>(a.size()); }
};
struct dot {
  static constexpr double kBufferStart = 0;
  static double Reduce(Numbers a, Numbers b) {
    double total = -0.0;
    for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
    return total;
  }
};
struct mean_square {
  static constexpr double kBufferStart = 1;
  static double Reduce(Numbers a) { return dot::Reduce(a, a) / static_cast<double>(a.size()); }
};
struct rms : mean_square {
  static double Finish(double moment) { return std::sqrt(moment); }
};
struct var {
  static constexpr double kBufferStart = 1;
  static double Reduce(Numbers a) {
    const double center = mean::Reduce(a);
    double total = 0;
    for (double x : a) total += (x - center) * (x - center);
    return total / static_cast<double>(a.size());
  }
};
struct stddev : var {
  static double Finish(double moment) { return std::sqrt(moment); }
};
struct norm {
  static constexpr double kBufferStart = 1;
  static double Reduce(Numbers a) { return dot::Reduce(a, a); }
  static double Finish(double moment) { return std::sqrt(moment); }
};
struct global_norm : norm {};
struct cosine_sim {
  static constexpr double kBufferStart = 0;
  static double Reduce(Numbers a, Numbers b) {
    return dot::Reduce(a, b) / (std::sqrt(dot::Reduce(a, a)) * std::sqrt(dot::Reduce(b, b)));
  }
};
struct reduce_max {
  static constexpr double kBufferStart = 0;
  static double Reduce(Numbers a) {
    double largest = a[0];
    for (double x : a) largest = max::Apply(largest, x);
    return largest;
  }
};
struct reduce_min {
  static constexpr double kBufferStart = 0;
  static double Reduce(Numbers a) {
    double smallest = a[0];
    for (double x : a) smallest = min::Apply(smallest, x);
    return smallest;
  }
};
struct logsumexp {
  static constexpr double kBufferStart = 0;
  // Shifted by the largest, so that no exp overflows; an infinite one is its own answer.
  static double Reduce(Numbers a) {
    const double largest = reduce_max::Reduce(a);
    if (!std::isfinite(largest)) return largest;
    double total = 0;
    for (double x : a) total += std::exp(x - largest);
    return largest + std::log(total);
  }
};

// Normalizations: a group of numbers in place.
struct softmax {
  static void Normalize(std::span<double> a) {
    const double largest = reduce_max::Reduce(a);
    double total = 0;
    for (double& x : a) {
      x = std::exp(x - largest);
      total += x;
    }
    for (double& x : a) x /= total;
  }
};
struct clip_by_global_norm {
  // The factor of each element, from the norm of all and the bound.
  static double Factor(double norm, double bound) {
    return norm > std::fabs(bound)    ? std::fabs(bound) / norm
           : norm <= std::fabs(bound) ? 1
                                      : norm + bound;
  }
};

// Of a number of at most this size that a lerp of tensors of floats mixes by, 1 - c is as exact as
// c; a larger one is rounded to float first, as any number is that meets a tensor.
inline constexpr double kLargestMix = 4;

// What contracts and swaps has no numbers of its own.
struct einsum {};
struct transpose {};

}  // namespace lathe::kernels

#endif  // LATHE_DSL_KERNELS_H_
