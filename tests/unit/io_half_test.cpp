// float16 and bfloat16: every pattern against the definition of the formats, computed in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/half.h"

namespace linnet {
namespace {

/// (-1)^sign * 1.fraction * 2^(exponent - bias), 0.fraction * 2^(1 - bias) for an exponent of 0.
double defined_value(uint16_t bits, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(bits & ((1 << fraction_bits) - 1), -fraction_bits);
  const double sign = bits >> 15 == 0 ? 1 : -1;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  }
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1 + fraction, exponent - bias);
}

void expect_defined_values(float (*convert)(uint16_t), int fraction_bits) {
  int nans = 0;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    const double expected = defined_value(pattern, fraction_bits);
    const float actual = convert(pattern);
    ASSERT_EQ(std::signbit(actual), bits >> 15 == 1) << bits;
    if (std::isnan(expected)) {
      ++nans;
      ASSERT_TRUE(std::isnan(actual)) << bits;
      // The NaN's own bits, at the upper end of float32's.
      const uint32_t fraction = bits & ((1U << fraction_bits) - 1);
      ASSERT_EQ(std::bit_cast<uint32_t>(actual) & 0x7FFFFFU, fraction << (23 - fraction_bits)) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(actual), expected) << bits;
    }
  }
  EXPECT_EQ(nans, 2 * ((1 << fraction_bits) - 1));
}

TEST(Half, EveryFloat16IsItsValue) {
  expect_defined_values(float16_to_float32, 10);
}

TEST(Half, EveryBFloat16IsItsValue) {
  expect_defined_values(bfloat16_to_float32, 7);
}

TEST(Half, ValuesOnePutsDownByHand) {
  EXPECT_EQ(float16_to_float32(0x3C00), 1.0F);
  EXPECT_EQ(float16_to_float32(0xC000), -2.0F);
  EXPECT_EQ(float16_to_float32(0x7BFF), 65504.0F);
  EXPECT_EQ(float16_to_float32(0x0001), 0x1p-24F);
  EXPECT_EQ(float16_to_float32(0x03FF), 1023 * 0x1p-24F);
  EXPECT_EQ(float16_to_float32(0x7C00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(bfloat16_to_float32(0x3F80), 1.0F);
  EXPECT_EQ(bfloat16_to_float32(0xFF80), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(bfloat16_to_float32(0x0001), 0x1p-133F);  // a subnormal number in both
}

}  // namespace
}  // namespace linnet
