#include "cpu/depthwise_kernel.h"

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/depthwise_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

/// kVectors vectors at once: they share the weights, and their sums do not wait for each other.
template <class T, int kVectors>
HWY_INLINE void forward_some(const DepthwiseRow<T>& row, int64_t first, const T* w, const T* bias, bool relu,
                             T* y, int64_t y_step) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sum[kVectors];
  HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
  const T* const x = row.x + first * row.x_step;
  for (int64_t t = 0; t < row.taps; ++t) {
    const V weight = hn::LoadU(d, w + t * lanes);
    const T* const from = x + row.offsets[t];
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v)
      sum[v] = hn::MulAdd(hn::LoadU(d, from + v * row.x_step), weight, sum[v]);
  }
  const V zero = hn::Zero(d);
  const V add = hn::LoadU(d, bias);
  HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) {
    V result = hn::Add(sum[v], add);
    if (relu) result = hn::IfThenElse(hn::Lt(result, zero), zero, result);  // keeps NaN and -0
    hn::StoreU(result, d, y + (first + v) * y_step);
  }
}

template <class T>
void forward(const DepthwiseRow<T>& row, const T* w, const T* bias, bool relu, T* y, int64_t y_step) {
  int64_t j = 0;
  for (; j + 4 <= row.vectors; j += 4) forward_some<T, 4>(row, j, w, bias, relu, y, y_step);
  for (; j < row.vectors; ++j) forward_some<T, 1>(row, j, w, bias, relu, y, y_step);
}

template <class T>
void grad_weight(const DepthwiseRow<T>& row, int64_t rows, int64_t x_row, const T* gy, int64_t gy_row,
                 int64_t gy_step, T* sums) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t t = 0; t < row.taps; ++t) {
    V sum[4];  // of every fourth vector of a row: they do not wait for each other
    HWY_UNROLL(4)
    for (V& each : sum) each = hn::Zero(d);
    for (int64_t p = 0; p < rows; ++p) {
      const T* const x = row.x + row.offsets[t] + p * x_row;
      const T* const g = gy + p * gy_row;
      int64_t j = 0;
      for (; j + 4 <= row.vectors; j += 4) {
        HWY_UNROLL(4)
        for (int v = 0; v < 4; ++v) {
          sum[v] =
              hn::MulAdd(hn::LoadU(d, x + (j + v) * row.x_step), hn::LoadU(d, g + (j + v) * gy_step), sum[v]);
        }
      }
      for (; j < row.vectors; ++j) {
        sum[0] = hn::MulAdd(hn::LoadU(d, x + j * row.x_step), hn::LoadU(d, g + j * gy_step), sum[0]);
      }
    }
    hn::StoreU(hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])), d, sums + t * lanes);
  }
}

template <class T>
DepthwiseKernels<T> make_kernels() {
  return {static_cast<int64_t>(hn::Lanes(Tag<T>())), &forward<T>, &grad_weight<T>};
}

}  // namespace

void make_depthwise_kernels(DepthwiseKernels<float>& single, DepthwiseKernels<double>& twice) {
  single = make_kernels<float>();
  twice = make_kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(DepthwiseKernels, depthwise_kernels, make_depthwise_kernels);
#endif
