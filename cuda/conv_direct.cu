// Convolution by its definition: one thread a result, added up in double in the order written here and
// rounded once. The oracle of the other algorithms, and the faster one where every group is small.
#include "core/elements.h"
#include "core/elementwise.h"
#include "cuda/array4.h"
#include "cuda/backend.h"
#include "cuda/conv.h"

namespace linnet::cuda::conv_direct {
namespace {

template <class T>
__global__ void forward_kernel(Conv2dGeometry g, Array4<const T> x, Array4<const T> w, const T* bias,
                               int64_t bias_step, bool relu, Array4<T> y, bool channels_last) {
  const int64_t channels = g.C / g.groups, filters = g.K / g.groups;
  const int64_t results = g.N * g.K * g.P * g.Q;
  for (int64_t i = thread_number(); i < results; i += thread_count()) {
    const Place at = place(i, g.K, g.P, g.Q, channels_last);
    const int64_t first_channel = at.c / filters * channels;
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t r = 0; r < g.R; ++r) {
        const int64_t h = at.h * g.stride_h - g.pad_top + r * g.dilation_h;
        if (h < 0 || h >= g.H) continue;
        for (int64_t s = 0; s < g.S; ++s) {
          const int64_t v = at.w * g.stride_w - g.pad_left + s * g.dilation_w;
          if (v < 0 || v >= g.W) continue;
          sum +=
              static_cast<double>(x(at.n, first_channel + c, h, v)) * static_cast<double>(w(at.c, c, r, s));
        }
      }
    }
    if (bias != nullptr) sum += static_cast<double>(bias[at.c * bias_step]);
    const T value = static_cast<T>(sum);
    y(at.n, at.c, at.h, at.w) = relu ? functor::Relu{}(value) : value;
  }
}

template <class T>
__global__ void grad_input_kernel(Conv2dGeometry g, Array4<const T> gy, Array4<const T> w, Array4<T> gx,
                                  bool channels_last) {
  const int64_t channels = g.C / g.groups, filters = g.K / g.groups;
  const int64_t results = g.N * g.C * g.H * g.W;
  for (int64_t i = thread_number(); i < results; i += thread_count()) {
    const Place at = place(i, g.C, g.H, g.W, channels_last);
    const int64_t first_filter = at.c / channels * filters;
    double sum = 0;
    for (int64_t r = 0; r < g.R; ++r) {
      const int64_t p = window_at(at.h + g.pad_top - r * g.dilation_h, g.stride_h, g.P);
      for (int64_t s = 0; s < g.S && p >= 0; ++s) {
        const int64_t q = window_at(at.w + g.pad_left - s * g.dilation_w, g.stride_w, g.Q);
        for (int64_t k = first_filter; q >= 0 && k < first_filter + filters; ++k) {
          sum += static_cast<double>(gy(at.n, k, p, q)) * static_cast<double>(w(k, at.c % channels, r, s));
        }
      }
    }
    gx(at.n, at.c, at.h, at.w) = static_cast<T>(sum);
  }
}

template <class T>
__global__ void grad_weight_kernel(Conv2dGeometry g, Array4<const T> x, Array4<const T> gy, Array4<T> gw) {
  const int64_t channels = g.C / g.groups, filters = g.K / g.groups;
  const int64_t results = g.K * channels * g.R * g.S;
  for (int64_t i = thread_number(); i < results; i += thread_count()) {
    const auto [k, c, r, s] = place(i, channels, g.R, g.S, false);
    const int64_t channel = k / filters * channels + c;
    double sum = 0;
    for (int64_t n = 0; n < g.N; ++n) {
      for (int64_t p = 0; p < g.P; ++p) {
        const int64_t h = p * g.stride_h - g.pad_top + r * g.dilation_h;
        if (h < 0 || h >= g.H) continue;
        for (int64_t q = 0; q < g.Q; ++q) {
          const int64_t v = q * g.stride_w - g.pad_left + s * g.dilation_w;
          if (v < 0 || v >= g.W) continue;
          sum += static_cast<double>(x(n, channel, h, v)) * static_cast<double>(gy(n, k, p, q));
        }
      }
    }
    gw(k, c, r, s) = static_cast<T>(sum);
  }
}

}  // namespace

void conv2d(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& w,
            const View& bias, const View& y, bool relu) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    launch(forward_kernel<T>, blocks_for(y.numel()), kThreads, 0, backend.stream(), geometry,
           Array4<const T>(x), Array4<const T>(w), bias.as<const T>(), bias.defined() ? bias.strides[0] : 0,
           relu, Array4<T>(y), channels_are_neighbours(y));
  });
}

void conv2d_grad_input(CudaBackend& backend, const Conv2dGeometry& geometry, const View& gy, const View& w,
                       const View& gx) {
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    launch(grad_input_kernel<T>, blocks_for(gx.numel()), kThreads, 0, backend.stream(), geometry,
           Array4<const T>(gy), Array4<const T>(w), Array4<T>(gx), channels_are_neighbours(gx));
  });
}

void conv2d_grad_weight(CudaBackend& backend, const Conv2dGeometry& geometry, const View& x, const View& gy,
                        const View& gw) {
  if (gw.numel() == 0) return;
  visit_floating(gw.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    launch(grad_weight_kernel<T>, blocks_for(gw.numel()), kThreads, 0, backend.stream(), geometry,
           Array4<const T>(x), Array4<const T>(gy), Array4<T>(gw));
  });
}

}  // namespace linnet::cuda::conv_direct
