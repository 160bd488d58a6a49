// exp, expm1, log and tanh in the vectors of an instruction set: for files that are compiled for each of
// them, included between their HWY_BEFORE_NAMESPACE and the kernels. float32 and float64 share one text: an
// argument is reduced by ln 2, and what is left goes into a Taylor series (of atanh, for log).
//
// Errors in units in the last place, float32 and float64, with fma or without: exp and log at most 1, tanh 3
// (tests/unit/cpu_simd_math_test.cpp), subnormal arguments and results included. NaN, infinities and zeros
// give what the C library gives; overflow is infinity, and results below the subnormal numbers are 0.
//
// Guarded as Highway's own headers are, in place of #pragma once: each instruction set reads it anew.
#include <cmath>
#include <cstdint>
#include <limits>

#if defined(LINNET_CPU_SIMD_MATH_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_CPU_SIMD_MATH_H
#undef LINNET_CPU_SIMD_MATH_H
#else
#define LINNET_CPU_SIMD_MATH_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace simd {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

template <class T>
struct Float;
template <>
struct Float<float> {
  static constexpr int kMantissa = 23;  // bits
  static constexpr int kExpTerms = 8;   // of the series of exp, up to ln 2 / 2
  static constexpr int kLogTerms = 5;   // of that of atanh(s) / s, up to s = 3 - 2 sqrt 2
  static constexpr float kLn2High = 0x1.63p-1F, kLn2Low = -2.12194440e-4F;  // n times the first is exact
  static constexpr float kLowest = -104, kHighest = 89;                     // exp gives 0 and infinity there
  static constexpr float kOne = 10;  // tanh gives 1, and expm1 of twice its negative -1
  static constexpr uint32_t kRootHalf = 0x3f3504f3, kUnit = 0x3f800000;  // bits of sqrt(1/2) and 1
};
template <>
struct Float<double> {
  static constexpr int kMantissa = 52;
  static constexpr int kExpTerms = 14;
  static constexpr int kLogTerms = 10;
  static constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kLowest = -746, kHighest = 710;
  static constexpr double kOne = 20;
  static constexpr uint64_t kRootHalf = 0x3fe6a09e667f3bcd, kUnit = 0x3ff0000000000000;
};

/// 2^k for whole k of normal numbers: k and the bias are added into the last bits of a larger number.
template <class T>
HWY_INLINE Vec<T> power_of_two(Vec<T> k) {
  const Tag<T> d;
  const hn::RebindToUnsigned<Tag<T>> du;
  constexpr int kMantissa = Float<T>::kMantissa;
  constexpr T kShift = T(1.5) * static_cast<T>(int64_t{1} << kMantissa) +
                       static_cast<T>(std::numeric_limits<T>::max_exponent - 1);
  return hn::BitCast(d, hn::ShiftLeft<kMantissa>(hn::BitCast(du, hn::Add(k, hn::Set(d, kShift)))));
}

/// The whole number next to a x, for numbers of at most half a mantissa: larger ones have no places behind
/// the point, so adding one of them rounds.
template <class T>
HWY_INLINE Vec<T> rounded_product(T a, Vec<T> x) {
  const Tag<T> d;
  const Vec<T> large = hn::Set(d, T(1.5) * static_cast<T>(int64_t{1} << Float<T>::kMantissa));
  return hn::Sub(hn::MulAdd(hn::Set(d, a), x, large), large);
}

/// x 2^n for whole n, also where 2^n is too large for a number, or subnormal.
template <class T>
HWY_INLINE Vec<T> times_power_of_two(Vec<T> x, Vec<T> n) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(T) == sizeof(float)) {
    return Vec<T>{_mm512_scalef_ps(x.raw, n.raw)};
  } else {
    return Vec<T>{_mm512_scalef_pd(x.raw, n.raw)};
  }
#else
  const Vec<T> half = rounded_product<T>(T(0.5), n);
  return hn::Mul(hn::Mul(x, power_of_two<T>(half)), power_of_two<T>(hn::Sub(n, half)));
#endif
}

/// x = n ln 2 + r, |r| <= ln 2 / 2: returns exp(r) - 1.
template <class T>
HWY_INLINE Vec<T> reduced_expm1(Vec<T> x, Vec<T>& n) {
  const Tag<T> d;
  using F = Float<T>;
  n = rounded_product<T>(static_cast<T>(1.44269504088896340736), x);
  const Vec<T> r = hn::NegMulAdd(n, hn::Set(d, F::kLn2Low), hn::NegMulAdd(n, hn::Set(d, F::kLn2High), x));
  double factorial = 1;
  for (int k = 2; k < F::kExpTerms; ++k) factorial *= k;
  Vec<T> sum = hn::Set(d, static_cast<T>(1 / factorial));
  HWY_UNROLL(16)
  for (int k = F::kExpTerms - 1; k > 2; --k) {
    factorial /= k;
    sum = hn::MulAdd(sum, r, hn::Set(d, static_cast<T>(1 / factorial)));
  }
  return hn::MulAdd(hn::Mul(r, r), sum, r);
}

/// x, bounded below or above; NaN stays: x86's extremes are their second operand then, NEON's are NaN.
template <class T>
HWY_INLINE Vec<T> at_least(Vec<T> x, T bound) {
  const Vec<T> b = hn::Set(Tag<T>(), bound);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Lt(x, b), b, x);
#else
  return hn::Max(b, x);
#endif
}
template <class T>
HWY_INLINE Vec<T> at_most(Vec<T> x, T bound) {
  const Vec<T> b = hn::Set(Tag<T>(), bound);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Gt(x, b), b, x);
#else
  return hn::Min(b, x);
#endif
}

template <class T>
HWY_INLINE Vec<T> exp(Vec<T> x) {
  Vec<T> n;
  const Vec<T> part = reduced_expm1<T>(at_most(at_least(x, Float<T>::kLowest), Float<T>::kHighest), n);
  return times_power_of_two<T>(hn::Add(part, hn::Set(Tag<T>(), T(1))), n);
}

/// exp(x) - 1 for x up to 2 kOne; -1 below -2 kOne.
template <class T>
HWY_INLINE Vec<T> bounded_expm1(Vec<T> x) {
  const Tag<T> d;
  Vec<T> n;
  const Vec<T> part = reduced_expm1<T>(at_least(x, -2 * Float<T>::kOne), n);
  const Vec<T> scale = power_of_two<T>(n);
  return hn::MulAdd(scale, part, hn::Sub(scale, hn::Set(d, T(1))));
}

/// (exp(2 |x|) - 1) / (exp(2 |x|) + 1), with the sign of x.
template <class T>
HWY_INLINE Vec<T> tanh(Vec<T> x) {
  const Tag<T> d;
  const Vec<T> size = at_most(hn::Abs(x), Float<T>::kOne);
  const Vec<T> e = bounded_expm1<T>(hn::Add(size, size));
  return hn::CopySign(hn::Div(e, hn::Add(e, hn::Set(d, T(2)))), x);
}

/// x = 2^k (1 + f) with 1 + f from sqrt(1/2) to sqrt 2; log(1 + f) = 2 atanh(s), s = f / (2 + f), written as
/// FreeBSD's e_log.c does: f - f^2/2 + s (f^2/2 + R), in which nothing cancels.
template <class T>
HWY_INLINE Vec<T> log(Vec<T> x) {
  const Tag<T> d;
  const hn::RebindToUnsigned<Tag<T>> du;
  using F = Float<T>;
  using U = hn::TFromD<decltype(du)>;
  constexpr T kMagic = static_cast<T>(int64_t{1} << F::kMantissa);  // its last bits count ones
  constexpr T kBias = static_cast<T>(std::numeric_limits<T>::max_exponent - 1);
  const auto subnormal = hn::Lt(x, hn::Set(d, std::numeric_limits<T>::min()));
  const Vec<T> normal = hn::IfThenElse(subnormal, hn::Mul(x, hn::Set(d, 2 * kMagic)), x);
  const auto bits = hn::Add(hn::BitCast(du, normal), hn::Set(du, F::kUnit - F::kRootHalf));
  const Vec<T> exponent =
      hn::BitCast(d, hn::Or(hn::ShiftRight<F::kMantissa>(bits), hn::BitCast(du, hn::Set(d, kMagic))));
  const Vec<T> zero_exponent = hn::IfThenElse(
      subnormal, hn::Set(d, kMagic + kBias + static_cast<T>(F::kMantissa + 1)), hn::Set(d, kMagic + kBias));
  const Vec<T> k = hn::Sub(exponent, zero_exponent);
  const auto mantissa = hn::And(bits, hn::Set(du, (U{1} << F::kMantissa) - 1));
  const Vec<T> f = hn::Sub(hn::BitCast(d, hn::Add(mantissa, hn::Set(du, F::kRootHalf))), hn::Set(d, T(1)));

  const Vec<T> s = hn::Div(f, hn::Add(f, hn::Set(d, T(2)))), z = hn::Mul(s, s);
  Vec<T> series = hn::Set(d, T(2) / (2 * F::kLogTerms + 1));
  HWY_UNROLL(16)
  for (int i = F::kLogTerms - 1; i > 0; --i) {
    series = hn::MulAdd(series, z, hn::Set(d, T(2) / static_cast<T>(2 * i + 1)));
  }
  const Vec<T> half_square = hn::Mul(hn::Mul(f, f), hn::Set(d, T(0.5)));
  const Vec<T> rest = hn::MulAdd(s, hn::MulAdd(z, series, half_square), hn::Mul(k, hn::Set(d, F::kLn2Low)));
  const Vec<T> result = hn::MulAdd(k, hn::Set(d, F::kLn2High), hn::Sub(f, hn::Sub(half_square, rest)));

  const Vec<T> infinity = hn::Set(d, std::numeric_limits<T>::infinity()), zero = hn::Zero(d);
  const Vec<T> negative = hn::Set(d, std::numeric_limits<T>::quiet_NaN());
  const Vec<T> special =
      hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity), hn::IfThenElse(hn::Lt(x, zero), negative, x));
  return hn::IfThenElse(hn::And(hn::Gt(x, zero), hn::Lt(x, infinity)), result, special);
}

}  // namespace simd
}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#endif
