// Loops over strided operands, as backends prepare them. strided_loop() takes a shape and each operand's
// strides, drops dimensions of extent 1, orders the rest by the first operand's strides (so memory is walked
// forwards) and joins neighbours that are one run for every operand; contiguous data becomes a single
// dimension.
//
// Strides count elements. Elements are numbered in the order of the loop.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include <linnet/core/dims.h>

namespace linnet {

template <int N>
struct StridedLoop {
  int rank = 0;                         ///< At least 1.
  int64_t total = 0;                    ///< Number of elements.
  int64_t extent[Dims::kMaxRank] = {};  ///< plain arrays, so that a kernel can take a loop by value
  int64_t stride[N][Dims::kMaxRank] = {};

  int64_t inner_extent() const { return extent[rank - 1]; }
  int64_t inner_stride(int operand) const { return stride[operand][rank - 1]; }
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

}  // namespace linnet
