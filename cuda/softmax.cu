// Softmax, log-softmax and cross-entropy along a dimension, and their gradients: one block a line. The
// maximum is subtracted first; sums and the logarithm of a sum are in double.
#include <limits>

#include "core/elements.h"
#include "core/vmath.h"
#include "cuda/backend.h"
#include "cuda/block_reduce.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

struct Add {
  __device__ double operator()(double a, double b) const { return a + b; }
};
struct Larger {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b > a ? b : a;  // a NaN reaches the sum
  }
};

/// What a block knows of its line: the largest element and the sum of exp(x - largest).
template <class T>
struct LineSums {
  T largest;
  double sum;
};

/// Of the block's line, for all of its threads.
template <class T>
__device__ LineSums<T> line_sums(const T* in, int64_t count, int64_t step) {
  __shared__ T largest_of[cuda::kThreads];
  __shared__ double sum_of[cuda::kThreads];
  T largest = -std::numeric_limits<T>::infinity();
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) largest = Larger{}(largest, in[i * step]);
  largest = cuda::block_reduce(largest, Larger{}, largest_of);
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
    sum += static_cast<double>(vmath::exp(in[i * step] - largest));
  }
  return {largest, cuda::block_reduce(sum, Add{}, sum_of)};
}

/// Operands of the lines: y, x.
template <class T>
__global__ void softmax_kernel(SoftmaxKind kind, StridedLoop<2> lines, int64_t count, const T* x,
                               int64_t x_step, T* y, int64_t y_step) {
  for (int64_t line = blockIdx.x; line < lines.total; line += gridDim.x) {
    const cuda::Offsets<2> offset = cuda::offsets_of(lines, line);
    const T* in = x + offset.at[1];
    T* out = y + offset.at[0];
    const auto [largest, sum] = line_sums(in, count, x_step);
    const double log_sum = kind == SoftmaxKind::LogSoftmax ? vmath::log(sum) : 0;
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
      const T shifted = in[i * x_step] - largest;
      out[i * y_step] = kind == SoftmaxKind::LogSoftmax
                            ? static_cast<T>(static_cast<double>(shifted) - log_sum)
                            : static_cast<T>(static_cast<double>(vmath::exp(shifted)) / sum);
    }
  }
}

/// Softmax: gx = y (gy - sum of gy y). LogSoftmax: gx = gy - exp(y) sum of gy. Operands of the lines: gx, y,
/// gy.
template <class T>
__global__ void softmax_grad_kernel(SoftmaxKind kind, StridedLoop<3> lines, int64_t count, const T* y,
                                    int64_t y_step, const T* gy, int64_t gy_step, T* gx, int64_t gx_step) {
  __shared__ double sum_of[cuda::kThreads];
  for (int64_t line = blockIdx.x; line < lines.total; line += gridDim.x) {
    const cuda::Offsets<3> offset = cuda::offsets_of(lines, line);
    const T* value = y + offset.at[1];
    const T* gradient = gy + offset.at[2];
    T* out = gx + offset.at[0];
    double sum = 0;
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
      const auto g = static_cast<double>(gradient[i * gy_step]);
      sum += kind == SoftmaxKind::Softmax ? g * static_cast<double>(value[i * y_step]) : g;
    }
    sum = cuda::block_reduce(sum, Add{}, sum_of);
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
      const auto v = static_cast<double>(value[i * y_step]), g = static_cast<double>(gradient[i * gy_step]);
      out[i * gx_step] =
          static_cast<T>(kind == SoftmaxKind::Softmax ? v * (g - sum) : g - vmath::exp(v) * sum);
    }
  }
}

/// Operands of the lines: largest, log_sum, x.
template <class T>
__global__ void log_normalizer_kernel(StridedLoop<3> lines, int64_t count, const T* x, int64_t x_step,
                                      T* largest, T* log_sum) {
  for (int64_t line = blockIdx.x; line < lines.total; line += gridDim.x) {
    const cuda::Offsets<3> offset = cuda::offsets_of(lines, line);
    const LineSums<T> sums = line_sums(x + offset.at[2], count, x_step);
    if (threadIdx.x != 0) continue;
    largest[offset.at[0]] = sums.largest;
    log_sum[offset.at[1]] = static_cast<T>(vmath::log(sums.sum));
  }
}

/// The operands of a line's gradient.
template <class T>
struct CrossEntropyGrad {
  T* gx;
  const T *x, *largest, *log_sum;
  const int64_t* label;
  const T* gy;
  int64_t gx_step, x_step;
};

/// Operands of the lines: those of `g`, in that order.
template <class T>
__global__ void cross_entropy_grad_kernel(StridedLoop<6> lines, int64_t count, CrossEntropyGrad<T> g) {
  for (int64_t line = blockIdx.x; line < lines.total; line += gridDim.x) {
    const cuda::Offsets<6> offset = cuda::offsets_of(lines, line);
    const T largest = g.largest[offset.at[2]], log_sum = g.log_sum[offset.at[3]];
    const T factor = g.gy[offset.at[5]];
    const int64_t label = g.label[offset.at[4]];
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x) {
      const T p = vmath::exp((g.x[offset.at[1] + i * g.x_step] - largest) - log_sum);
      g.gx[offset.at[0] + i * g.gx_step] = i == label ? p * factor - factor : p * factor;
    }
  }
}

Shape lines_of(Shape shape, int dim) {
  shape[dim] = 1;
  return shape;
}

}  // namespace

void CudaBackend::softmax(SoftmaxKind kind, const View& x, int dim, const View& y) {
  const Call call(*this, kind == SoftmaxKind::Softmax ? "softmax" : "log_softmax");
  if (x.numel() == 0) return;
  const auto lines = strided_loop<2>(lines_of(x.shape, dim), {y.strides, x.strides});
  const int64_t count = x.shape[dim];
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(softmax_kernel<T>, cuda::blocks_for(lines.total, 1), cuda::block_reduce_threads(count), 0,
                 stream(), kind, lines, count, x.as<const T>(), x.strides[dim], y.as<T>(), y.strides[dim]);
  });
}

void CudaBackend::softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) {
  const Call call(*this, kind == SoftmaxKind::Softmax ? "softmax_grad" : "log_softmax_grad");
  if (y.numel() == 0) return;
  const auto lines = strided_loop<3>(lines_of(y.shape, dim), {gx.strides, y.strides, gy.strides});
  const int64_t count = y.shape[dim];
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(softmax_grad_kernel<T>, cuda::blocks_for(lines.total, 1), cuda::block_reduce_threads(count),
                 0, stream(), kind, lines, count, y.as<const T>(), y.strides[dim], gy.as<const T>(),
                 gy.strides[dim], gx.as<T>(), gx.strides[dim]);
  });
}

void CudaBackend::log_normalizer(const View& x, int dim, const LogNormalizer& to) {
  const Call call(*this, "log_normalizer");
  if (x.numel() == 0) return;
  const auto lines =
      strided_loop<3>(lines_of(x.shape, dim), {to.largest.strides, to.log_sum.strides, x.strides});
  const int64_t count = x.shape[dim];
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(log_normalizer_kernel<T>, cuda::blocks_for(lines.total, 1),
                 cuda::block_reduce_threads(count), 0, stream(), lines, count, x.as<const T>(),
                 x.strides[dim], to.largest.as<T>(), to.log_sum.as<T>());
  });
}

void CudaBackend::cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels,
                                     const View& gy, int dim, const View& gx) {
  const Call call(*this, "cross_entropy_grad");
  if (x.numel() == 0) return;
  const auto lines = strided_loop<6>(
      lines_of(x.shape, dim),
      {gx.strides, x.strides, by.largest.strides, by.log_sum.strides, labels.strides, gy.strides});
  const int64_t count = x.shape[dim];
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const CrossEntropyGrad<T> operands = {gx.as<T>(),
                                          x.as<const T>(),
                                          by.largest.as<const T>(),
                                          by.log_sum.as<const T>(),
                                          labels.as<const int64_t>(),
                                          gy.as<const T>(),
                                          gx.strides[dim],
                                          x.strides[dim]};
    cuda::launch(cross_entropy_grad_kernel<T>, cuda::blocks_for(lines.total, 1),
                 cuda::block_reduce_threads(count), 0, stream(), lines, count, operands);
  });
}

}  // namespace linnet
