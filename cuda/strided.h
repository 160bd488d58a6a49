// Strided operands (core/strided_loop.h) in kernels: the offsets of an element from its number.
#pragma once

#include "core/strided_loop.h"
#include "cuda/launch.h"

namespace linnet::cuda {

template <int N>
struct Offsets {
  int64_t at[N];
};

/// Offsets of element number i of each operand. 32-bit division is several times cheaper.
template <class Int, int N>
__device__ Offsets<N> offsets_by(const StridedLoop<N>& loop, Int i) {
  Offsets<N> offsets{};
  for (int d = loop.rank - 1; d > 0; --d) {
    const Int extent = static_cast<Int>(loop.extent[d]);
    const Int rest = i / extent;
    const int64_t index = static_cast<int64_t>(i - rest * extent);
    for (int k = 0; k < N; ++k) offsets.at[k] += index * loop.stride[k][d];
    i = rest;
  }
  for (int k = 0; k < N; ++k) offsets.at[k] += static_cast<int64_t>(i) * loop.stride[k][0];
  return offsets;
}

template <int N>
__device__ Offsets<N> offsets_of(const StridedLoop<N>& loop, int64_t i) {
  if (loop.total <= INT32_MAX) return offsets_by(loop, static_cast<uint32_t>(i));
  return offsets_by(loop, static_cast<uint64_t>(i));
}

}  // namespace linnet::cuda
