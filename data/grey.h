// Grey from colour, the one definition of it.
#pragma once

#include <cstdint>

namespace linnet::data {

/// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601) in 16-bit fixed point, rounded; equal channels keep their
/// value.
inline uint8_t grey_of(unsigned r, unsigned g, unsigned b) {
  return static_cast<uint8_t>((19595 * r + 38470 * g + 7471 * b + (1U << 15)) >> 16);
}

}  // namespace linnet::data
