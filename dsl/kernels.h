// What each op computes on numbers, in double: the meaning that every backend is held to. One
// struct per elementwise row of ops.def; a missing one does not compile.
#ifndef LATHE_DSL_KERNELS_H_
#define LATHE_DSL_KERNELS_H_

#include <cmath>

namespace lathe::kernels {

struct add {
  static double Apply(double a, double b) { return a + b; }
};
struct sub {
  static double Apply(double a, double b) { return a - b; }
};
struct mul {
  static double Apply(double a, double b) { return a * b; }
};
struct div {
  static double Apply(double a, double b) { return a / b; }
};
struct div_eps {
  static double Apply(double a, double b) { return a / (b + std::copysign(1e-8, b)); }
};
// Maximum and minimum of IEEE 754-2019: symmetric in their operands, unlike std::max and std::fmax.
struct max {
  static double Apply(double a, double b) {
    return a > b ? a : a < b ? b : a == b ? (std::signbit(a) ? b : a) : a + b;
  }
};
struct min {
  static double Apply(double a, double b) {
    return a < b ? a : a > b ? b : a == b ? (std::signbit(a) ? a : b) : a + b;
  }
};
struct pow {
  static double Apply(double a, double b) { return std::pow(a, b); }
};
struct neg {
  static double Apply(double a) { return -a; }
};
struct abs {
  static double Apply(double a) { return std::fabs(a); }
};
struct sign {
  static double Apply(double a) { return a > 0 ? 1.0 : a < 0 ? -1.0 : a == 0 ? 0.0 : a; }
};
struct square {
  static double Apply(double a) { return a * a; }
};
struct sqrt {
  static double Apply(double a) { return std::sqrt(a); }
};
struct sqrt_abs {
  static double Apply(double a) { return std::sqrt(std::fabs(a)); }
};
struct exp {
  static double Apply(double a) { return std::exp(a); }
};
struct log {
  static double Apply(double a) { return std::log(a); }
};
struct log_abs {
  static double Apply(double a) { return std::log(std::fabs(a)); }
};
struct tanh {
  static double Apply(double a) { return std::tanh(a); }
};
struct clip {
  static double Apply(double a, double b) {
    double bound = std::fabs(b);
    return a > bound ? bound : a < -bound ? -bound : a <= bound ? a : a + b;
  }
};
struct lerp {
  static double Apply(double a, double b, double c) { return (1 - c) * a + c * b; }
};

// Reductions: how one element is added, and what becomes of the total over n elements. They start
// at -0, the one number that adding to changes nothing.
struct sum {
  static double Add(double total, double a) { return total + a; }
  static double Finish(double total, double) { return total; }
};
struct mean {
  static double Add(double total, double a) { return total + a; }
  static double Finish(double total, double n) { return total / n; }
};
struct norm {
  static double Add(double total, double a) { return total + a * a; }
  static double Finish(double total, double) { return std::sqrt(total); }
};
using global_norm = norm;

}  // namespace lathe::kernels

#endif  // LATHE_DSL_KERNELS_H_
