// Maxima of pooling windows over results that lie in a line, compiled for every instruction set and chosen at
// run time. Places are as wide as the elements, so that they are chosen in the same vectors.
#pragma once

#include <cstdint>
#include <type_traits>

namespace linnet::cpu {

/// Steps from one line, result or tap to the next, in elements of the image and in places of its plane.
struct PoolStep {
  int64_t image, place;
};

/// `lines` lines of `count` results; each window has `rows` x `columns` taps.
struct MaxLines {
  int64_t lines, count, rows, columns;
  PoolStep line, result, row, column;
  int64_t y_line, places_line;  ///< From a line of results to the next; those of a line are dense.
};

template <class T>
struct PoolKernels {
  using Place = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  /// y and, unless null, the places of the largest elements of windows whose first tap lies at x and `place`
  /// for the first result: of equals the first, and the last NaN. Results and operands share no memory.
  void (*largest)(const MaxLines& work, const T* x, Place place, T* y, int64_t* places);
};

template <class T>
const PoolKernels<T>& pool_kernels();

}  // namespace linnet::cpu
