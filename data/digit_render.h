// Draws one synthetic digit.
#pragma once

#include <array>
#include <cstdint>

namespace linnet::data {

inline constexpr int64_t kDigitSide = 28;
inline constexpr int64_t kDigitPixels = kDigitSide * kDigitSide;

/// Writes a picture of `digit`, light on dark, to `pixels` (28 x 28). (seed, stream) decide everything else.
void render_digit(int digit, uint64_t seed, uint64_t stream, uint8_t* pixels);

/// 0 to 9, each once, in the order that (seed, stream) decide.
std::array<int, 10> shuffled_digits(uint64_t seed, uint64_t stream);

}  // namespace linnet::data
