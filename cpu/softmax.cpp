// Softmax, log-softmax and cross-entropy along a dimension, and their gradients: line by line
// (cpu/reduce_kernel.h), lines that are not dense through buffers. The maximum is subtracted first; sums and
// the logarithm of a sum are in double. A line of -inf alone gives NaN, as 0 / 0 does.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/reduce_kernel.h"
#include "cpu/scratch.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// A line of `n` elements, which are read or written `stride` apart and worked on as dense ones.
template <class T>
class Line {
 public:
  Line(T* data, int64_t stride, int64_t n, std::remove_const_t<T>* buffer)
      : data_(data), stride_(stride), n_(n), buffer_(buffer) {}

  const T* read() const {
    if (stride_ == 1) return data_;
    for (int64_t i = 0; i < n_; ++i) buffer_[i] = data_[i * stride_];
    return buffer_;
  }
  T* to_write() const { return stride_ == 1 ? data_ : buffer_; }
  void written() const {
    for (int64_t i = 0; stride_ != 1 && i < n_; ++i) data_[i * stride_] = buffer_[i];
  }

 private:
  T* data_;
  int64_t stride_, n_;
  std::remove_const_t<T>* buffer_;
};

/// Calls body(offsets, buffer) for every line along `dim`; operand k has strides[k]. The buffer has room for
/// `lines` of them.
template <class T, int N, class Body>
void for_each_line(Shape shape, std::array<Strides, N> strides, int dim, int64_t lines, Body&& body) {
  const int64_t room = lines * shape[dim];
  const int64_t grain = std::max<int64_t>(1, cpu::kGrain / std::max<int64_t>(1, shape[dim]));
  shape.erase(dim);
  for (Strides& s : strides) s.erase(dim);
  const auto loop = strided_loop<N>(shape, strides);
  cpu::parallel_range(loop.total, grain, [&](int64_t begin, int64_t end) {
    const cpu::Scratch<T> buffer(room);
    cpu::walk(loop, begin, end, [&](std::array<int64_t, N> at, int64_t, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        body(at, buffer.data());
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
    const cpu::ReduceKernels<T>& kernels = cpu::reduce_kernels<T>();
    const auto run = kind == SoftmaxKind::Softmax ? kernels.softmax : kernels.log_softmax;
    for_each_line<T, 2>(x.shape, {y.strides, x.strides}, dim, 1, [&](const auto& at, T* buffer) {
      const Line<T> to(y.as<T>() + at[0], y_stride, n, buffer);
      run(Line(x.as<const T>() + at[1], x_stride, n, buffer).read(), to.to_write(), n);
      to.written();
    });
  });
}

void CpuBackend::softmax_grad(SoftmaxKind kind, const View& y, const View& gy, int dim, const View& gx) {
  const int64_t n = y.shape[dim], ys = y.strides[dim], gys = gy.strides[dim], gxs = gx.strides[dim];
  visit_floating(y.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const cpu::ReduceKernels<T>& kernels = cpu::reduce_kernels<T>();
    const auto run = kind == SoftmaxKind::Softmax ? kernels.softmax_grad : kernels.log_softmax_grad;
    for_each_line<T, 3>(y.shape, {gx.strides, y.strides, gy.strides}, dim, 2, [&](const auto& at, T* buffer) {
      const Line<T> to(gx.as<T>() + at[0], gxs, n, buffer);
      run(Line(y.as<const T>() + at[1], ys, n, buffer).read(),
          Line(gy.as<const T>() + at[2], gys, n, buffer + n).read(), to.to_write(), n);
      to.written();
    });
  });
}

void CpuBackend::log_normalizer(const View& x, int dim, const LogNormalizer& to) {
  const int64_t n = x.shape[dim], stride = x.strides[dim];
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const auto run = cpu::reduce_kernels<T>().log_normalizer;
    for_each_line<T, 3>(x.shape, {to.largest.strides, to.log_sum.strides, x.strides}, dim, 1,
                        [&](const auto& at, T* buffer) {
                          run(Line(x.as<const T>() + at[2], stride, n, buffer).read(), n,
                              to.largest.as<T>()[at[0]], to.log_sum.as<T>()[at[1]]);
                        });
  });
}

void CpuBackend::cross_entropy_grad(const View& x, const LogNormalizer& by, const View& labels,
                                    const View& gy, int dim, const View& gx) {
  const int64_t n = x.shape[dim], x_stride = x.strides[dim], gx_stride = gx.strides[dim];
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const auto run = cpu::reduce_kernels<T>().scaled_softmax;
    const std::array<Strides, 6> strides = {gx.strides,         x.strides,      by.largest.strides,
                                            by.log_sum.strides, labels.strides, gy.strides};
    for_each_line<T, 6>(x.shape, strides, dim, 1, [&](const auto& at, T* buffer) {
      const Line<T> to(gx.as<T>() + at[0], gx_stride, n, buffer);
      const T factor = gy.as<const T>()[at[5]];
      run(Line(x.as<const T>() + at[1], x_stride, n, buffer).read(), by.largest.as<const T>()[at[2]],
          by.log_sum.as<const T>()[at[3]], factor, to.to_write(), n);
      to.to_write()[labels.as<const int64_t>()[at[4]]] -= factor;
      to.written();
    });
  });
}

}  // namespace linnet
