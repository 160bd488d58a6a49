// The inner loops of reductions of floating elements and of softmax, compiled for every instruction set and
// chosen at run time. Sums of both dtypes are in double. A run of elements goes into kLanes interleaved
// accumulators whatever the width of a vector is, so a sum has the same bits in every instruction set.
#pragma once

#include <cstdint>

namespace linnet::cpu {

inline constexpr int64_t kLanes = 16;

template <class T>
struct ReduceKernels {
  /// lanes[i % kLanes] takes in x[i]; extremes are NaN where there is one.
  void (*sum)(double* lanes, const T* x, int64_t n);
  void (*max)(T* lanes, const T* x, int64_t n);
  void (*min)(T* lanes, const T* x, int64_t n);
  /// sums[j] += x[r * step + j], for every row r.
  void (*sum_rows)(double* sums, const T* x, int64_t step, int64_t rows, int64_t columns);

  /// The largest element of a line, and log(sum(exp(x - largest))).
  void (*log_normalizer)(const T* x, int64_t n, T& largest, T& log_sum);
  /// y = factor exp((x - largest) - log_sum), a line's softmax times a number.
  void (*scaled_softmax)(const T* x, T largest, T log_sum, T factor, T* y, int64_t n);
  // A line of (log-)softmax, and its gradient gx from the result y. Results may be operands.
  void (*softmax)(const T* x, T* y, int64_t n);
  void (*log_softmax)(const T* x, T* y, int64_t n);
  void (*softmax_grad)(const T* y, const T* gy, T* gx, int64_t n);
  void (*log_softmax_grad)(const T* y, const T* gy, T* gx, int64_t n);
};

template <class T>
const ReduceKernels<T>& reduce_kernels();

}  // namespace linnet::cpu
