// Division that rounds up: how many blocks, bands and panels there are.
#pragma once

#include <cstdint>

namespace linnet::cpu {

/// a / b, rounded up, for b > 0.
constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/// The least multiple of `to` that is not less than n.
constexpr int64_t round_up(int64_t n, int64_t to) {
  return ceil_div(n, to) * to;
}

}  // namespace linnet::cpu
