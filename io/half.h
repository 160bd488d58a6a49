// float16 and bfloat16, as files hold them, to float32: exact for all 65,536 patterns of each. Subnormal
// numbers become normal ones; infinities stay, and so do NaNs with their bits.
#pragma once

#include <bit>
#include <cstdint>

namespace linnet {

/// IEEE 754 binary16: a sign, 5 bits of exponent with bias 15, 10 of fraction.
constexpr float float16_to_float32(uint16_t bits) {
  const uint32_t sign = uint32_t{bits} << 16 & 0x80000000U;
  const uint32_t exponent = bits >> 10 & 0x1FU;
  const uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {  // fraction * 2^-24: a normal number of float32, or 0
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  const uint32_t wide_exponent = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide_exponent << 23 | fraction << 13);
}

/// The upper half of a float32.
constexpr float bfloat16_to_float32(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

}  // namespace linnet
