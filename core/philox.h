// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and
// the conversions from its words to uniform, normal and integer numbers. Shared by all devices: integers and
// + - * / sqrt only, no library function and no contraction, so a draw has the same bits everywhere.
//
// Key = the seed's halves (low, high). Counter words = (block low, block high, stream low, stream high).
// Element i of a float32 uniform or normal draw uses word i % 4 of block counter + i / 4. Float64 and integer
// draws use the 64 bits of words 2 (i % 2) (the low half) and 2 (i % 2) + 1 of block counter + i / 2.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace linnet::philox {

struct Block {
  uint32_t word[4];
  /// 64 bits; half is 0 or 1.
  LINNET_HOST_DEVICE constexpr uint64_t bits64(int half) const {
    return uint64_t{word[2 * half]} | uint64_t{word[2 * half + 1]} << 32;
  }
};

LINNET_HOST_DEVICE constexpr Block philox4x32_10(Block counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter.word[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * counter.word[2];
    counter = {{static_cast<uint32_t>(p1 >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(p1),
                static_cast<uint32_t>(p0 >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(p0)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

LINNET_HOST_DEVICE constexpr Block block(uint64_t seed, uint64_t stream, uint64_t index) {
  return philox4x32_10({{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                         static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)}},
                       static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

// ---- uniform in [0, 1)

/// A multiple of 2^-24.
LINNET_HOST_DEVICE constexpr float uniform_float(uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24F;
}
/// A multiple of 2^-53.
LINNET_HOST_DEVICE constexpr double uniform_double(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

// ---- integers

/// The upper 64 bits of a product.
LINNET_HOST_DEVICE constexpr uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xFFFFFFFF, a1 = a >> 32, b0 = b & 0xFFFFFFFF, b1 = b >> 32;
  const uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
  const uint64_t other = a0 * b1 + (middle & 0xFFFFFFFF);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

/// Uniform in [low, high), low < high. The probability of a value is off by less than 2^-64, so relative to
/// 1 / (high - low) the bias is below (high - low) / 2^64.
LINNET_HOST_DEVICE constexpr int64_t integer_between(uint64_t bits, int64_t low, int64_t high) {
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  return static_cast<int64_t>(static_cast<uint64_t>(low) + multiply_high(bits, range));
}

// ---- standard normal

/// log(x) for positive, finite, normal x: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
/// log(m) = 2 atanh(s) with s = (m - 1) / (m + 1), as a series in s^2 < 0.0295.
LINNET_HOST_DEVICE inline double log_positive(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  double series = 1.0 / 23;
  for (int k = 21; k >= 3; k -= 2) series = series * z + 1.0 / k;
  constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // 42 bits of log(2), and the rest
  constexpr double kLn2Low = 0x1.ef35793c76730p-45;
  return exponent * kLn2High + (exponent * kLn2Low + (2 * s + 2 * s * (z * series)));
}

/// The ratio of two polynomials of degree 7, coefficients from the highest power down.
LINNET_HOST_DEVICE constexpr double ratio(const double (&above)[8], const double (&below)[8], double r) {
  double a = above[0], b = below[0];
  for (int i = 1; i < 8; ++i) {
    a = a * r + above[i];
    b = b * r + below[i];
  }
  return a / b;
}

LINNET_HOST_DEVICE constexpr double centre_ratio(double r) {
  constexpr double kAbove[8] = {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
                                4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
                                1.3314166789178437745e+2, 3.3871328727963666080e+0};
  constexpr double kBelow[8] = {
      5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
      5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0};
  return ratio(kAbove, kBelow, r);
}
LINNET_HOST_DEVICE constexpr double tail_ratio(double r) {
  constexpr double kAbove[8] = {7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                2.41780725177450611770e-1, 1.27045825245236838258e+0,
                                3.64784832476320460504e+0, 5.76949722146069140550e+0,
                                4.63033784615654529590e+0, 1.42343711074968357734e+0};
  constexpr double kBelow[8] = {1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                6.89767334985100004550e-1, 1.67638483018380384940e+0,
                                2.05319162663775882187e+0, 1.0};
  return ratio(kAbove, kBelow, r);
}
LINNET_HOST_DEVICE constexpr double far_ratio(double r) {
  constexpr double kAbove[8] = {2.01033439929228813265e-7, 2.71155556874348757815e-5,
                                1.24266094738807843860e-3, 2.65321895265761230930e-2,
                                2.96560571828504891230e-1, 1.78482653991729133580e+0,
                                5.46378491116411436990e+0, 6.65790464350110377720e+0};
  constexpr double kBelow[8] = {2.04426310338993978564e-15, 1.42151175831644588870e-7,
                                1.84631831751005468180e-5,  7.86869131145613259100e-4,
                                1.48753612908506148525e-2,  1.36929880922735805310e-1,
                                5.99832206555887937690e-1,  1.0};
  return ratio(kAbove, kBelow, r);
}

/// The standard normal quantile of p = 0.5 + q, for q in (-0.5, 0.5), with a relative error of about 1e-16:
/// M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution" (PPND16), Applied
/// Statistics 37 (1988) 477-484. Taking q keeps both tails exact.
LINNET_HOST_DEVICE inline double normal_quantile(double q) {
  const double distance = q < 0 ? -q : q;
  if (distance <= 0.425) return q * centre_ratio(0.180625 - q * q);
  const double r = std::sqrt(-log_positive(0.5 - distance));
  const double quantile = r <= 5 ? tail_ratio(r - 1.6) : far_ratio(r - 5);
  return q < 0 ? -quantile : quantile;
}

/// The quantile of (word + 0.5) 2^-32, rounded once.
LINNET_HOST_DEVICE inline float normal_float(uint32_t word) {
  const auto centred = static_cast<double>(static_cast<int64_t>(word) - (int64_t{1} << 31));
  return static_cast<float>(normal_quantile((centred + 0.5) * 0x1p-32));
}
/// The quantile of (the upper 53 bits + 0.5) 2^-53.
LINNET_HOST_DEVICE inline double normal_double(uint64_t bits) {
  const auto centred = static_cast<double>(static_cast<int64_t>(bits >> 11) - (int64_t{1} << 52));
  return normal_quantile((centred + 0.5) * 0x1p-53);
}

}  // namespace linnet::philox
