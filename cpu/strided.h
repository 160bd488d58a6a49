// Walking strided operands (core/strided_loop.h) on the CPU: walk() calls a body for each run along the
// innermost dimension, which is a plain loop for the compiler. Parallel work is a range of the elements'
// numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/strided_loop.h"
#include "core/view.h"
#include "cpu/parallel.h"

/// In front of a loop whose iterations are independent even where an output is also an input.
#if defined(__clang__)
#define LINNET_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define LINNET_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace linnet::cpu {

/// Work below about this many elements stays on the calling thread.
inline constexpr int64_t kGrain = 32768;

/// Calls body(offsets, first, count) for the runs that make up elements [begin, end): `offsets` has each
/// operand's offset of element number `first`; the others follow at the inner strides.
template <int N, class Body>
void walk(const StridedLoop<N>& loop, int64_t begin, int64_t end, Body&& body) {
  if (begin >= end) return;
  const auto last = static_cast<size_t>(loop.rank - 1);
  std::array<int64_t, Dims::kMaxRank> index{};
  std::array<int64_t, N> offset{};
  int64_t rest = begin;
  for (size_t d = last + 1; d-- > 0;) {
    index[d] = rest % loop.extent[d];
    rest /= loop.extent[d];
    for (size_t k = 0; k < N; ++k) offset[k] += index[d] * loop.stride[k][d];
  }
  for (int64_t at = begin;;) {
    const int64_t count = std::min(loop.extent[last] - index[last], end - at);
    body(offset, at, count);
    at += count;
    if (at == end) return;
    for (size_t k = 0; k < N; ++k) offset[k] -= index[last] * loop.stride[k][last];
    index[last] = 0;
    for (size_t d = last; d-- > 0;) {
      for (size_t k = 0; k < N; ++k) offset[k] += loop.stride[k][d];
      if (++index[d] < loop.extent[d]) break;
      for (size_t k = 0; k < N; ++k) offset[k] -= loop.extent[d] * loop.stride[k][d];
      index[d] = 0;
    }
  }
}

/// walk() over all elements, on several threads where there are many.
template <int N, class Body>
void parallel_walk(const StridedLoop<N>& loop, Body&& body) {
  parallel_range(loop.total, kGrain, [&](int64_t begin, int64_t end) { walk(loop, begin, end, body); });
}

}  // namespace linnet::cpu
