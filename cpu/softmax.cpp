// Softmax and log-softmax along a dimension, and their gradients. The maximum is subtracted first; sums and
// the logarithm of a sum are in double. A line of -inf alone gives NaN, as 0 / 0 does.
#include <cmath>
#include <limits>

#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// A line of `n` elements, `stride` apart. Always dense where Stride is 1.
template <class T, class Stride>
struct Line {
  T* data;
  Stride stride;
  T& operator[](int64_t i) const { return data[i * stride]; }
};
using One = std::integral_constant<int64_t, 1>;

template <class T, class S>
void softmax_line(SoftmaxKind kind, Line<const T, S> x, Line<T, S> y, int64_t n) {
  T largest = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;  // a NaN reaches the sum
  double sum = 0;
  if (kind == SoftmaxKind::LogSoftmax) {
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(std::exp(x[i] - largest));
    const double log_sum = std::log(sum);
    for (int64_t i = 0; i < n; ++i) {
      y[i] = static_cast<T>(static_cast<double>(x[i] - largest) - log_sum);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    y[i] = std::exp(x[i] - largest);
    sum += static_cast<double>(y[i]);
  }
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(static_cast<double>(y[i]) / sum);
}

/// Softmax: gx = y (gy - sum(gy y)). Log-softmax: gx = gy - exp(y) sum(gy).
template <class T, class S>
void grad_line(SoftmaxKind kind, Line<const T, S> y, Line<const T, S> gy, Line<T, S> gx, int64_t n) {
  double sum = 0;
  if (kind == SoftmaxKind::LogSoftmax) {
    for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(gy[i]);
    for (int64_t i = 0; i < n; ++i) {
      gx[i] = static_cast<T>(static_cast<double>(gy[i]) - static_cast<double>(std::exp(y[i])) * sum);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(gy[i]) * static_cast<double>(y[i]);
  for (int64_t i = 0; i < n; ++i) {
    gx[i] = static_cast<T>(static_cast<double>(y[i]) * (static_cast<double>(gy[i]) - sum));
  }
}

/// Calls body(offsets) for every line along `dim`; operand k has strides[k].
template <int N, class Body>
void for_each_line(Shape shape, std::array<Strides, N> strides, int dim, Body&& body) {
  const int64_t grain = std::max<int64_t>(1, cpu::kGrain / std::max<int64_t>(1, shape[dim]));
  shape.erase(dim);
  for (Strides& s : strides) s.erase(dim);
  const auto loop = strided_loop<N>(shape, strides);
  cpu::parallel_range(loop.total, grain, [&](int64_t begin, int64_t end) {
    cpu::walk(loop, begin, end, [&](std::array<int64_t, N> at, int64_t, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        body(at);
        for (int k = 0; k < N; ++k) at[static_cast<size_t>(k)] += loop.inner_stride(k);
      }
    });
  });
}

}  // namespace

void CpuBackend::softmax(SoftmaxKind kind, const View& x, int dim, const View& y) {
  const int64_t n = x.shape[dim], x_stride = x.strides[dim], y_stride = y.strides[dim];
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    for_each_line<2>(x.shape, {y.strides, x.strides}, dim, [&](const auto& at) {
      T* to = y.as<T>() + at[0];
      const T* from = x.as<const T>() + at[1];
      if (x_stride == 1 && y_stride == 1) {
        softmax_line<T, One>(kind, {from, {}}, {to, {}}, n);
      } else {
        softmax_line<T, int64_t>(kind, {from, x_stride}, {to, y_stride}, n);
      }
    });
  });
}

void CpuBackend::softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) {
  const int64_t n = y.shape[dim], ys = y.strides[dim], gys = gy.strides[dim], gxs = gx.strides[dim];
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    for_each_line<3>(y.shape, {gx.strides, y.strides, gy.strides}, dim, [&](const auto& at) {
      T* to = gx.as<T>() + at[0];
      const T* out = y.as<const T>() + at[1];
      const T* from = gy.as<const T>() + at[2];
      if (ys == 1 && gys == 1 && gxs == 1) {
        grad_line<T, One>(kind, {out, {}}, {from, {}}, {to, {}}, n);
      } else {
        grad_line<T, int64_t>(kind, {out, ys}, {from, gys}, {to, gxs}, n);
      }
    });
  });
}

}  // namespace linnet
