// Elementwise operators of one operand: in vectors where there is a kernel (cpu/elementwise_kernel.h), by the
// functor elsewhere.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/elementwise_kernel.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

struct Run {
  void* out;
  const void* x;
  int64_t out_stride, x_stride, n;
  bool streamed;
};

template <class T, class F>
void run_row(T* out, int64_t out_stride, const T* x, int64_t x_stride, int64_t n, F f) {
  if (out_stride == 1 && x_stride == 1) {
    LINNET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = functor::apply(f, x[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = functor::apply(f, x[i * x_stride]);
  }
}

/// Strided elements pass through a buffer, so that they get the bits that dense ones get.
template <class T>
void kernel_row(UnaryOp op, const Run& r) {
  const auto kernel = cpu::elementwise_kernels<T>().of(op.kind);
  const T number = static_cast<T>(op.a);
  T* out = static_cast<T*>(r.out);
  const T* x = static_cast<const T*>(r.x);
  if (r.out_stride == 1 && r.x_stride == 1) {
    return cpu::fill_row(out, r.n, r.streamed, [&](int64_t first, int64_t count, bool past_caches) {
      kernel(x + first, out + first, count, number, past_caches);
    });
  }
  constexpr int64_t kBlock = 256;
  T block[kBlock];
  for (int64_t first = 0; first < r.n; first += kBlock) {
    const int64_t count = std::min(kBlock, r.n - first);
    for (int64_t i = 0; i < count; ++i) block[i] = x[(first + i) * r.x_stride];
    kernel(block, block, count, number, false);
    for (int64_t i = 0; i < count; ++i) out[(first + i) * r.out_stride] = block[i];
  }
}

/// The numbers of an operator with parameters reach its functor through `op`.
template <class T>
void row(UnaryOp op, const Run& r) {
  if constexpr (std::is_floating_point_v<T>) {
    if (cpu::has_kernel(op.kind)) return kernel_row<T>(op, r);
  }
  visit(op, [&](auto kind, auto f) {
    if constexpr (std::is_floating_point_v<T> ? !cpu::has_kernel(kind()) : works_on_integers(kind())) {
      run_row(static_cast<T*>(r.out), r.out_stride, static_cast<const T*>(r.x), r.x_stride, r.n, f);
    }
  });
}

}  // namespace

void CpuBackend::unary(UnaryOp op, const View& x, const View& out) {
  if (out.dtype == DType::Bool || (!is_floating(out.dtype) && !works_on_integers(op.kind))) {
    fail_dtype(linnet::name(op.kind), out.dtype, works_on_integers(op.kind));
  }
  void (*run)(UnaryOp, const Run&) = nullptr;
  visit_dtype(out.dtype, [&](auto element) { run = row<typename decltype(element)::Stored>; });
  if (out.numel() == 1) return run(op, {out.data, x.data, 1, 1, 1, false});
  const bool streamed = cpu::is_streamed(out) && out.data != x.data;
  const auto loop = strided_loop<2>(out.shape, {out.strides, x.strides});
  cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
    run(op, {element(out, offset[0]), element(x, offset[1]), loop.inner_stride(0), loop.inner_stride(1), n,
             streamed});
  });
}

}  // namespace linnet
