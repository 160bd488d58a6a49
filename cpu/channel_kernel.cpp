#include "cpu/channel_kernel.h"

#include "cpu/kernel_set.h"
#include "cpu/simd_targets.h"
#include "cpu/strided.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/channel_kernel.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first
#include <hwy/highway.h>

// Plain loops over columns, which the compiler turns into the vectors of each instruction set. Sums take four
// rows at a time, for they wait for the one before.
HWY_BEFORE_NAMESPACE();
namespace linnet::cpu {
namespace HWY_NAMESPACE {
namespace {

template <class T>
void add(Rows<const T> x, int64_t rows, int64_t width, T* HWY_RESTRICT sum) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const T* HWY_RESTRICT a = x.data + r * x.step;
    const T* HWY_RESTRICT b = a + x.step;
    const T* HWY_RESTRICT c = b + x.step;
    const T* HWY_RESTRICT d = c + x.step;
    for (int64_t j = 0; j < width; ++j) sum[j] += (a[j] + b[j]) + (c[j] + d[j]);
  }
  for (; r < rows; ++r) {
    const T* HWY_RESTRICT a = x.data + r * x.step;
    for (int64_t j = 0; j < width; ++j) sum[j] += a[j];
  }
}

template <class T>
void add_moments(Rows<const T> x, int64_t rows, int64_t width, const T* HWY_RESTRICT centre,
                 T* HWY_RESTRICT away, T* HWY_RESTRICT squares) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const T* HWY_RESTRICT a = x.data + r * x.step;
    const T* HWY_RESTRICT b = a + x.step;
    const T* HWY_RESTRICT c = b + x.step;
    const T* HWY_RESTRICT d = c + x.step;
    for (int64_t j = 0; j < width; ++j) {
      const T m = centre[j], p = a[j] - m, q = b[j] - m, s = c[j] - m, t = d[j] - m;
      away[j] += (p + q) + (s + t);
      squares[j] += (p * p + q * q) + (s * s + t * t);
    }
  }
  for (; r < rows; ++r) {
    const T* HWY_RESTRICT a = x.data + r * x.step;
    for (int64_t j = 0; j < width; ++j) {
      const T p = a[j] - centre[j];
      away[j] += p;
      squares[j] += p * p;
    }
  }
}

template <class T>
void add_products(Rows<const T> gy, Rows<const T> x, int64_t rows, int64_t width,
                  const T* HWY_RESTRICT centre, T* HWY_RESTRICT sum, T* HWY_RESTRICT products) {
  int64_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    const T* HWY_RESTRICT g = gy.data + r * gy.step;
    const T* HWY_RESTRICT h = g + gy.step;
    const T* HWY_RESTRICT a = x.data + r * x.step;
    const T* HWY_RESTRICT b = a + x.step;
    for (int64_t j = 0; j < width; ++j) {
      const T m = centre[j];
      sum[j] += g[j] + h[j];
      products[j] += g[j] * (a[j] - m) + h[j] * (b[j] - m);
    }
  }
  for (; r < rows; ++r) {
    const T* HWY_RESTRICT g = gy.data + r * gy.step;
    const T* HWY_RESTRICT a = x.data + r * x.step;
    for (int64_t j = 0; j < width; ++j) {
      sum[j] += g[j];
      products[j] += g[j] * (a[j] - centre[j]);
    }
  }
}

template <class T>
void scale(Rows<const T> x, Rows<T> y, int64_t rows, int64_t width, const T* HWY_RESTRICT centre,
           const T* HWY_RESTRICT factor, const T* HWY_RESTRICT bias) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* in = x.data + r * x.step;
    T* out = y.data + r * y.step;
    LINNET_INDEPENDENT
    for (int64_t j = 0; j < width; ++j) out[j] = (in[j] - centre[j]) * factor[j] + bias[j];
  }
}

template <class T>
void gradient(Rows<const T> gy, Rows<const T> x, Rows<T> gx, int64_t rows, int64_t width,
              const T* HWY_RESTRICT centre, const T* HWY_RESTRICT factor, const T* HWY_RESTRICT mean,
              const T* HWY_RESTRICT slope) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* g = gy.data + r * gy.step;
    const T* in = x.data + r * x.step;
    T* out = gx.data + r * gx.step;
    LINNET_INDEPENDENT
    for (int64_t j = 0; j < width; ++j) {
      out[j] = (g[j] - mean[j]) * factor[j] - (in[j] - centre[j]) * slope[j];
    }
  }
}

template <class T>
void add_masked(Rows<const T> gy, Rows<const T> y, Rows<T> gx, int64_t rows, int64_t width,
                T* HWY_RESTRICT sum) {
  int64_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    const T* g = gy.data + r * gy.step;
    const T* h = g + gy.step;
    const T* a = y.data + r * y.step;
    const T* b = a + y.step;
    T* out = gx.data + r * gx.step;
    T* more = out + gx.step;
    LINNET_INDEPENDENT
    for (int64_t j = 0; j < width; ++j) {
      const T p = a[j] > 0 ? g[j] : T(0), q = b[j] > 0 ? h[j] : T(0);
      out[j] = p;
      more[j] = q;
      sum[j] += p + q;
    }
  }
  for (; r < rows; ++r) {
    const T* g = gy.data + r * gy.step;
    const T* a = y.data + r * y.step;
    T* out = gx.data + r * gx.step;
    LINNET_INDEPENDENT
    for (int64_t j = 0; j < width; ++j) {
      out[j] = a[j] > 0 ? g[j] : T(0);
      sum[j] += out[j];
    }
  }
}

template <class T>
ChannelKernels<T> kernels() {
  return {add<T>, add_moments<T>, add_products<T>, scale<T>, gradient<T>, add_masked<T>};
}

}  // namespace

void make_channel_kernels(ChannelKernels<float>& single, ChannelKernels<double>& twice) {
  single = kernels<float>();
  twice = kernels<double>();
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
LINNET_KERNEL_SET(ChannelKernels, channel_kernels, make_channel_kernels);
#endif
