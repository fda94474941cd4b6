// Vector forms of the ops that are not loops of plain arithmetic, over SLEEF's deterministic
// family: equal bits from vectors of every width. Included by each build of the kernels, inside its
// namespace, after V (a vector of floats), Lift (a number in all lanes) and LATHE_SLEEF.

#define LATHE_UNARY_FUNCTION(name, sleef) \
  inline V name(V a) {                    \
    return LATHE_SLEEF(a, sleef);         \
  }
LATHE_UNARY_FUNCTION(Exp, expf)
LATHE_UNARY_FUNCTION(Exp2, exp2f)
LATHE_UNARY_FUNCTION(Exp10, exp10f)
LATHE_UNARY_FUNCTION(Expm1, expm1f)
LATHE_UNARY_FUNCTION(Log, logf)
LATHE_UNARY_FUNCTION(Log2, log2f)
LATHE_UNARY_FUNCTION(Log10, log10f)
LATHE_UNARY_FUNCTION(NearLog1p, log1pf)
LATHE_UNARY_FUNCTION(Sin, sinf)
LATHE_UNARY_FUNCTION(Cos, cosf)
LATHE_UNARY_FUNCTION(Tan, tanf)
LATHE_UNARY_FUNCTION(Asin, asinf)
LATHE_UNARY_FUNCTION(Acos, acosf)
LATHE_UNARY_FUNCTION(Atan, atanf)
LATHE_UNARY_FUNCTION(NearSinh, sinhf)
LATHE_UNARY_FUNCTION(NearCosh, coshf)
LATHE_UNARY_FUNCTION(Tanh, tanhf)
LATHE_UNARY_FUNCTION(NearAsinh, asinhf)
LATHE_UNARY_FUNCTION(NearAcosh, acoshf)
LATHE_UNARY_FUNCTION(Atanh, atanhf)
LATHE_UNARY_FUNCTION(Erf, erff)
LATHE_UNARY_FUNCTION(Cbrt, cbrtf)
#undef LATHE_UNARY_FUNCTION

inline V Erfc(V a) {
  return LATHE_SLEEF_U15(a, erfcf);
}
inline V Pow(V a, V b) {
  return LATHE_SLEEF2(a, b, powf);
}

// Bits as integers, lane by lane.
inline I BitsOf(V a) {
  return reinterpret_cast<I>(a);
}
inline V FromBits(I bits) {
  return reinterpret_cast<V>(bits);
}
inline V Abs(V a) {
  return FromBits(BitsOf(a) & 0x7fffffff);
}
inline V CopySign(V magnitude, V sign) {
  const I mask = (BitsOf(sign) & 0) + static_cast<int>(0x80000000u);
  return FromBits((BitsOf(magnitude) & ~mask) | (BitsOf(sign) & mask));
}
// The comparisons of vectors give -1 for true.
inline V Choose(I condition, V yes, V no) {
  return FromBits((condition & BitsOf(yes)) | (~condition & BitsOf(no)));
}

// IEEE 754-2019 maximum and minimum. Equal numbers differ at most in the sign of zero.
inline V Max(V a, V b) {
  const V tie = FromBits(BitsOf(a) & BitsOf(b));
  return Choose(a > b, a, Choose(a < b, b, Choose(a == b, tie, a + b)));
}
inline V Min(V a, V b) {
  const V tie = FromBits(BitsOf(a) | BitsOf(b));
  return Choose(a < b, a, Choose(a > b, b, Choose(a == b, tie, a + b)));
}

// Beyond where SLEEF's own range ends: log(1 + x) = log(x), and the like.
inline V Log1p(V a) {
  return Choose(a > Lift(1e30f), Log(a), NearLog1p(a));
}
inline V Sinh(V a) {
  const V half = Exp(Abs(a) * 0.5f);
  return Choose(Abs(a) > Lift(80.0f), CopySign(half * 0.5f * half, a), NearSinh(a));
}
inline V Cosh(V a) {
  const V half = Exp(Abs(a) * 0.5f);
  return Choose(Abs(a) > Lift(80.0f), half * 0.5f * half, NearCosh(a));
}
inline V LogOfTwice(V a) {
  return Log(a) + 0.693147180559945309f;
}
inline V Asinh(V a) {
  return Choose(Abs(a) > Lift(1e15f), CopySign(LogOfTwice(Abs(a)), a), NearAsinh(a));
}
inline V Acosh(V a) {
  return Choose(a > Lift(1e15f), LogOfTwice(a), NearAcosh(a));
}

// Not 1 / (1 + exp(-a)), whose exp overflows while the result is not 0 yet.
inline V Sigmoid(V a) {
  const V power = Exp(-Abs(a));
  return Choose(a < Lift(0.0f), power, Lift(1.0f)) / (1.0f + power);
}

// The power in two halves: the product does not underflow before the result does.
inline V Silu(V a) {
  const V half = Exp(-Abs(a) * 0.5f);
  return Choose(a < Lift(0.0f), a * half * half, a) / (1.0f + half * half);
}

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
LATHE_VECTOR_1(exp, Exp(a))
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
#undef LATHE_VECTOR_1
#undef LATHE_VECTOR_2
