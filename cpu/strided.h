// Loops over strided operands. strided_loop() takes a shape and each operand's strides, drops dimensions of
// extent 1, orders the rest by the first operand's strides (so memory is walked forwards) and joins
// neighbours that are one run for every operand; contiguous data becomes a single dimension. walk() then
// calls a body for each run along the innermost dimension, which is a plain loop for the compiler.
//
// Offsets and strides count elements. Elements are numbered in the order of the loop; parallel work is a
// range of those numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/view.h"
#include "cpu/parallel.h"

namespace linnet::cpu {

/// Work below about this many elements stays on the calling thread.
inline constexpr int64_t kGrain = 32768;

template <int N>
struct StridedLoop {
  int rank = 0;       ///< At least 1.
  int64_t total = 0;  ///< Number of elements.
  std::array<int64_t, Dims::kMaxRank> extent{};
  std::array<std::array<int64_t, Dims::kMaxRank>, N> stride{};

  int64_t inner_extent() const { return extent[static_cast<size_t>(rank - 1)]; }
  int64_t inner_stride(int operand) const {
    return stride[static_cast<size_t>(operand)][static_cast<size_t>(rank - 1)];
  }
  /// Whether every operand is one dense run.
  bool dense() const {
    if (rank != 1) return false;
    for (int k = 0; k < N; ++k) {
      if (inner_stride(k) != 1 && total > 1) return false;
    }
    return true;
  }
};

/// RowMajor keeps the order of dimensions, for operators to whom an element's number matters.
enum class LoopOrder : uint8_t { Memory, RowMajor };

namespace detail {

template <int N>
bool lies_outside(const StridedLoop<N>& loop, size_t a, size_t b) {
  for (size_t k = 0; k < N; ++k) {
    if (loop.stride[k][a] != loop.stride[k][b]) return loop.stride[k][a] > loop.stride[k][b];
  }
  return false;
}

template <int N>
void swap_dims(StridedLoop<N>& loop, size_t a, size_t b) {
  std::swap(loop.extent[a], loop.extent[b]);
  for (auto& stride : loop.stride) std::swap(stride[a], stride[b]);
}

template <int N>
void order_by_memory(StridedLoop<N>& loop) {
  for (size_t i = 1; i < static_cast<size_t>(loop.rank); ++i) {
    for (size_t j = i; j > 0 && lies_outside(loop, j, j - 1); --j) swap_dims(loop, j, j - 1);
  }
}

/// Joins dimensions d and d + 1 where stepping over the end of the inner one is a step of the outer one.
template <int N>
void join_dims(StridedLoop<N>& loop) {
  size_t to = 0;
  for (size_t d = 1; d < static_cast<size_t>(loop.rank); ++d) {
    bool joins = true;
    for (const auto& stride : loop.stride) joins = joins && stride[to] == stride[d] * loop.extent[d];
    if (joins) {
      loop.extent[to] *= loop.extent[d];
    } else {
      loop.extent[++to] = loop.extent[d];
    }
    for (auto& stride : loop.stride) stride[to] = stride[d];
  }
  loop.rank = static_cast<int>(to) + 1;
}

}  // namespace detail

template <int N>
StridedLoop<N> strided_loop(const Shape& shape, const std::array<Strides, N>& strides,
                            LoopOrder order = LoopOrder::Memory) {
  StridedLoop<N> loop;
  loop.total = shape.product();
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == 1) continue;
    const auto to = static_cast<size_t>(loop.rank++);
    loop.extent[to] = shape[d];
    for (size_t k = 0; k < N; ++k) loop.stride[k][to] = strides[k][d];
  }
  if (loop.rank == 0) {
    loop.rank = 1;
    loop.extent[0] = 1;
    return loop;
  }
  if (order == LoopOrder::Memory) detail::order_by_memory(loop);
  detail::join_dims(loop);
  return loop;
}

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
