// What this machine reaches at best, for benchmarks to compare with: multiply-adds that wait for nothing, and
// plain loops over arrays that no cache holds. Each is the fastest of as many runs as fit into `seconds`, and
// one at least, on all threads of the pool.
#pragma once

#include <cstdint>

#include <linnet/core/dtype.h>

namespace linnet::cpu {

/// Operations a second, two for a multiply-add, of float32 or float64.
double peak_flops(DType dtype, double seconds);

struct Bandwidth {
  double relu = 0;  ///< Bytes a second of c[i] = max(a[i], 0), 8 bytes for each i.
  double add = 0;   ///< Bytes a second of c[i] = a[i] + b[i], 12 bytes for each i.
};
/// Of float32 arrays of `elements` each.
Bandwidth plain_bandwidth(int64_t elements, double seconds);

}  // namespace linnet::cpu
