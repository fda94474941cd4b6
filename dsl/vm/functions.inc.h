// Functions of vectors over SLEEF's deterministic family: equal bits from vectors of every width.
// Included by vectors.inc.h, inside its namespace.

#define LATHE_UNARY_FUNCTION(name, sleef) \
  inline V name(V a) {                    \
    return LATHE_SLEEF(a, sleef);         \
  }
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
  return condition ? yes : no;
}

// One instruction each; b if they are equal or one is NaN.
inline V Larger(V a, V b) {
  return a > b ? a : b;
}
inline V Smaller(V a, V b) {
  return a < b ? a : b;
}

// IEEE 754-2019 minimum and maximum. Equal numbers differ at most in the sign of zero; of a NaN,
// which is one of the two, no bit that makes it one is lost.
inline V Min(V a, V b) {
  return FromBits(BitsOf(Smaller(a, b)) | BitsOf(Smaller(b, a)));
}
inline V Max(V a, V b) {
  return -Min(-a, -b);
}
inline V Clip(V a, V b) {
  const V bound = Abs(b);
  // All bits set are a NaN too.
  return FromBits(BitsOf(Smaller(bound, Larger(-bound, a))) | (b != b));
}

// 2^exponent is to be multiplied with 1 + s + s^2 (1/2 + ...), where |s| is at most half of log(2):
// the reduction of Cody and Waite, "Software Manual for the Elementary Functions", 1980. Of several
// vectors side by side, since each is one chain of arithmetic that waits for itself.
constexpr float kRound = 0x1.8p23f;
template <int count>
struct ReducedExp {
  V mantissa[count];
  V rounded[count];  // the exponents, in the last bits of kRound + exponent
};
template <int count>
[[gnu::always_inline]] inline ReducedExp<count> ReduceExp(const V (&a)[count]) {
  V s[count], tail[count];
  ReducedExp<count> out;
  const auto each = [](auto step) {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) step(i);
  };
  each([&](int i) { out.rounded[i] = a[i] * 0x1.715476p0f + kRound; });
  each([&](int i) { s[i] = Fma(out.rounded[i] - kRound, Lift(-0x1.62e400p-1f), a[i]); });
  each([&](int i) { s[i] = Fma(out.rounded[i] - kRound, Lift(-0x1.7f7d1cp-20f), s[i]); });
  each([&](int i) { tail[i] = Fma(Lift(0x1.a057b4p-13f), s[i], Lift(0x1.6d2d92p-10f)); });
  each([&](int i) { tail[i] = Fma(tail[i], s[i], Lift(0x1.11114cp-7f)); });
  each([&](int i) { tail[i] = Fma(tail[i], s[i], Lift(0x1.5554f4p-5f)); });
  each([&](int i) { tail[i] = Fma(tail[i], s[i], Lift(0x1.555556p-3f)); });
  each([&](int i) { tail[i] = Fma(tail[i], s[i], Lift(0.5f)); });
  each([&](int i) { out.mantissa[i] = 1.0f + Fma(s[i] * s[i], tail[i], s[i]); });
  return out;
}
// Of the exponent of a NaN, which is anything, too.
inline V PowerOfTwo(I exponent) {
  typedef unsigned Bits __attribute__((vector_size(sizeof(I))));
  constexpr unsigned kOne = 0x3f800000;
  return reinterpret_cast<V>((reinterpret_cast<Bits>(exponent) << 23) + kOne);
}
// Of any numbers: 2^exponent in two steps, each of which is a float. What is 0 is not computed,
// since arithmetic on numbers next to 0 is slow.
[[gnu::noinline]] inline V WideExp(V a) {
  const I zero = a < Lift(-104.0f);
  const auto reduced = ReduceExp<1>({Smaller(Lift(101.0f), FromBits(BitsOf(a) & ~zero))});
  const I exponent = BitsOf(reduced.rounded[0]) - BitsOf(Lift(kRound)), half = exponent >> 1;
  const V result = reduced.mantissa[0] * PowerOfTwo(half) * PowerOfTwo(exponent - half);
  return FromBits(BitsOf(result) & ~zero);
}
// The bits of SLEEF's expf_u10, whose coefficients these are, in two thirds of its time, of several
// vectors in less.
template <int count>
[[gnu::always_inline]] inline void ExpOfEach(V (&a)[count]) {
  I narrow = Abs(a[0]) <= Lift(87.0f);
#pragma GCC unroll 8
  for (int i = 1; i < count; ++i) narrow &= Abs(a[i]) <= Lift(87.0f);
  if (!LATHE_ALL(narrow)) {
    for (V& v : a) v = WideExp(v);
    return;
  }
  const auto reduced = ReduceExp<count>(a);
#pragma GCC unroll 8
  for (int i = 0; i < count; ++i) {
    a[i] = FromBits(BitsOf(reduced.mantissa[i]) + (BitsOf(reduced.rounded[i]) << 23));
  }
}
[[gnu::always_inline]] inline V Exp(V a) {
  V one[] = {a};
  ExpOfEach(one);
  return one[0];
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
