// Vector forms of the ops that are not loops of plain arithmetic. Included by kernels.inc.h, inside
// its namespace, after Vector.

// One line per op: how it is computed on vectors.
#define LATHE_VECTOR_1(name, expression)       \
  template <>                                  \
  struct Vector<Code::name> {                  \
    static V Apply(V a) { return expression; } \
  };
#define LATHE_VECTOR_2(name, expression)            \
  template <>                                       \
  struct Vector<Code::name> {                       \
    static V Apply(V a, V b) { return expression; } \
  };
LATHE_VECTOR_2(max, Max(a, b))
LATHE_VECTOR_2(min, Min(a, b))
LATHE_VECTOR_2(pow, Pow(a, b))
LATHE_VECTOR_2(clip, Clip(a, b))
LATHE_VECTOR_1(log, Log(a))
LATHE_VECTOR_1(log_abs, Log(Abs(a)))
LATHE_VECTOR_1(tanh, Tanh(a))
LATHE_VECTOR_1(cbrt, Cbrt(a))
LATHE_VECTOR_1(exp2, Exp2(a))
LATHE_VECTOR_1(exp10, Exp10(a))
LATHE_VECTOR_1(expm1, Expm1(a))
LATHE_VECTOR_1(log2, Log2(a))
LATHE_VECTOR_1(log10, Log10(a))
LATHE_VECTOR_1(log1p, Log1p(a))
LATHE_VECTOR_1(log2_abs, Log2(Abs(a)))
LATHE_VECTOR_1(log10_abs, Log10(Abs(a)))
LATHE_VECTOR_1(log1p_abs, Choose(a > Lift(-1.0f), Log1p(a), Log(-1.0f - a)))
LATHE_VECTOR_1(log_signed,
               Choose(a == Lift(0.0f), a* Log(Abs(a)), Choose(a > Lift(0.0f), Log(a), -Log(-a))))
LATHE_VECTOR_1(sin, Sin(a))
LATHE_VECTOR_1(cos, Cos(a))
LATHE_VECTOR_1(tan, Tan(a))
LATHE_VECTOR_1(asin, Asin(a))
LATHE_VECTOR_1(acos, Acos(a))
LATHE_VECTOR_1(atan, Atan(a))
LATHE_VECTOR_1(sinh, Sinh(a))
LATHE_VECTOR_1(cosh, Cosh(a))
LATHE_VECTOR_1(asinh, Asinh(a))
LATHE_VECTOR_1(acosh, Acosh(a))
LATHE_VECTOR_1(atanh, Atanh(a))
LATHE_VECTOR_1(sigmoid, Sigmoid(a))
LATHE_VECTOR_1(silu, Silu(a))
LATHE_VECTOR_1(gelu, 0.5f * a * Erfc(-a * 0.70710678118654752440f))
LATHE_VECTOR_1(softplus, Choose(a > Lift(0.0f), a, Lift(0.0f)) + Log1p(Exp(-Abs(a))))
LATHE_VECTOR_1(erf, Erf(a))
// Worth more than one vector at a time.
constexpr int kTogether = 4;
template <>
struct Vector<Code::exp> {
  [[gnu::always_inline]] static V Apply(V a) { return Exp(a); }
  [[gnu::always_inline]] static void ApplyToEach(V (&a)[kTogether]) { ExpOfEach(a); }
};
#undef LATHE_VECTOR_1
#undef LATHE_VECTOR_2
