// Pooling and upsampling: one thread an element of the result. Gradients gather: an element of the input adds
// up what the windows that see it give it, in their order, so nothing is atomic.
#include "core/elements.h"
#include "core/pool_windows.h"
#include "cuda/array4.h"
#include "cuda/backend.h"

namespace linnet {
namespace {

using cuda::Array4;
using cuda::Place;
using pooling::Window;

/// The first of equals, or the last NaN. `indices.data` may be null.
template <class T>
__global__ void max_kernel(Pool2dGeometry g, Array4<const T> x, Array4<T> y, Array4<int64_t> indices,
                           bool channels_last) {
  const int64_t results = g.N * g.C * g.h.out * g.w.out;
  for (int64_t i = cuda::thread_number(); i < results; i += cuda::thread_count()) {
    const Place at = cuda::place(i, g.C, g.h.out, g.w.out, channels_last);
    const Window down = pooling::window(g.h, at.h), across = pooling::window(g.w, at.w);
    T best = x(at.n, at.c, down.first, across.first);
    int64_t index = down.first * g.w.in + across.first;
    for (int64_t r = 0; r < down.count; ++r) {
      const int64_t h = down.first + r * g.h.dilation;
      for (int64_t s = 0; s < across.count; ++s) {
        const int64_t w = across.first + s * g.w.dilation;
        const T value = x(at.n, at.c, h, w);
        if (!(value > best) && value == value) continue;
        best = value;
        index = h * g.w.in + w;
      }
    }
    y(at.n, at.c, at.h, at.w) = best;
    if (indices.data != nullptr) indices(at.n, at.c, at.h, at.w) = index;
  }
}

template <class T>
__global__ void max_grad_kernel(Pool2dGeometry g, Array4<const T> gy, Array4<const int64_t> indices,
                                Array4<T> gx, bool channels_last) {
  const int64_t elements = g.N * g.C * g.h.in * g.w.in;
  for (int64_t i = cuda::thread_number(); i < elements; i += cuda::thread_count()) {
    const Place at = cuda::place(i, g.C, g.h.in, g.w.in, channels_last);
    const Window down = pooling::windows_of(g.h, at.h), across = pooling::windows_of(g.w, at.w);
    const int64_t index = at.h * g.w.in + at.w;
    T sum = T(0);
    for (int64_t p = down.first; p < down.first + down.count; ++p) {
      for (int64_t q = across.first; q < across.first + across.count; ++q) {
        if (indices(at.n, at.c, p, q) == index) sum += gy(at.n, at.c, p, q);
      }
    }
    gx(at.n, at.c, at.h, at.w) = sum;
  }
}

template <class T>
__global__ void mean_kernel(Pool2dGeometry g, Array4<const T> x, Array4<T> y, bool channels_last) {
  const int64_t results = g.N * g.C * g.h.out * g.w.out;
  for (int64_t i = cuda::thread_number(); i < results; i += cuda::thread_count()) {
    const Place at = cuda::place(i, g.C, g.h.out, g.w.out, channels_last);
    const Window down = pooling::window(g.h, at.h), across = pooling::window(g.w, at.w);
    double sum = 0;
    for (int64_t h = down.first; h < down.first + down.count; ++h) {
      const double row_weight = pooling::weight(g.h, at.h, h);
      for (int64_t w = across.first; w < across.first + across.count; ++w) {
        sum += row_weight * pooling::weight(g.w, at.w, w) * static_cast<double>(x(at.n, at.c, h, w));
      }
    }
    sum /= pooling::divisor(g.h, at.h) * pooling::divisor(g.w, at.w);
    y(at.n, at.c, at.h, at.w) = static_cast<T>(sum);
  }
}

template <class T>
__global__ void mean_grad_kernel(Pool2dGeometry g, Array4<const T> gy, Array4<T> gx, bool channels_last) {
  const int64_t elements = g.N * g.C * g.h.in * g.w.in;
  for (int64_t i = cuda::thread_number(); i < elements; i += cuda::thread_count()) {
    const Place at = cuda::place(i, g.C, g.h.in, g.w.in, channels_last);
    const Window down = pooling::windows_of(g.h, at.h), across = pooling::windows_of(g.w, at.w);
    double sum = 0;
    for (int64_t p = down.first; p < down.first + down.count; ++p) {
      const double row_weight = pooling::weight(g.h, p, at.h) / pooling::divisor(g.h, p);
      for (int64_t q = across.first; q < across.first + across.count; ++q) {
        const double weight = row_weight * (pooling::weight(g.w, q, at.w) / pooling::divisor(g.w, q));
        sum += weight * static_cast<double>(gy(at.n, at.c, p, q));
      }
    }
    gx(at.n, at.c, at.h, at.w) = static_cast<T>(sum);
  }
}

}  // namespace

void CudaBackend::max_pool2d(const Pool2dGeometry& geometry, const View& x, const View& y,
                             const View& indices) {
  const Call call(*this, "max_pool2d");
  if (y.numel() == 0) return;
  View at = indices;
  if (!at.defined()) at.strides = y.strides;
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(max_kernel<T>, cuda::blocks_for(y.numel()), cuda::kThreads, 0, stream(), geometry,
                 Array4<const T>(x), Array4<T>(y), Array4<int64_t>(at), channels_are_neighbours(y));
  });
}

void CudaBackend::max_pool2d_grad(const Pool2dGeometry& geometry, const View& gy, const View& indices,
                                  const View& gx) {
  const Call call(*this, "max_pool2d_grad");
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(max_grad_kernel<T>, cuda::blocks_for(gx.numel()), cuda::kThreads, 0, stream(), geometry,
                 Array4<const T>(gy), Array4<const int64_t>(indices), Array4<T>(gx),
                 channels_are_neighbours(gx));
  });
}

void CudaBackend::window_mean(const Pool2dGeometry& geometry, const View& x, const View& y) {
  const Call call(*this, "window_mean");
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(mean_kernel<T>, cuda::blocks_for(y.numel()), cuda::kThreads, 0, stream(), geometry,
                 Array4<const T>(x), Array4<T>(y), channels_are_neighbours(y));
  });
}

void CudaBackend::window_mean_grad(const Pool2dGeometry& geometry, const View& gy, const View& gx) {
  const Call call(*this, "window_mean_grad");
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(mean_grad_kernel<T>, cuda::blocks_for(gx.numel()), cuda::kThreads, 0, stream(), geometry,
                 Array4<const T>(gy), Array4<T>(gx), channels_are_neighbours(gx));
  });
}

}  // namespace linnet
