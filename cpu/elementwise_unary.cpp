// Elementwise operators of one operand.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

/// The numbers of an operator with parameters reach its functor through `op`.
using Row = void (*)(UnaryOp op, void* out, int64_t out_stride, const void* x, int64_t x_stride, int64_t n);

template <class T, class F>
void run_row(T* out, int64_t out_stride, const T* x, int64_t x_stride, int64_t n, F f) {
  if (out_stride == 1 && x_stride == 1) {
    LINNET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = functor::apply(f, x[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = functor::apply(f, x[i * x_stride]);
  }
}

template <class T>
void row(UnaryOp op, void* out, int64_t out_stride, const void* x, int64_t x_stride, int64_t n) {
  visit(op, [&](auto kind, auto f) {
    if constexpr (std::is_floating_point_v<T> || works_on_integers(kind())) {
      run_row(static_cast<T*>(out), out_stride, static_cast<const T*>(x), x_stride, n, f);
    }
  });
}

}  // namespace

void CpuBackend::unary(UnaryOp op, const View& x, const View& out) {
  if (out.dtype == DType::Bool || (!is_floating(out.dtype) && !works_on_integers(op.kind))) {
    fail_dtype(linnet::name(op.kind), out.dtype, works_on_integers(op.kind));
  }
  Row run = nullptr;
  visit_dtype(out.dtype, [&](auto element) { run = row<typename decltype(element)::Stored>; });
  const auto loop = strided_loop<2>(out.shape, {out.strides, x.strides});
  cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
    run(op, element(out, offset[0]), loop.inner_stride(0), element(x, offset[1]), loop.inner_stride(1), n);
  });
}

}  // namespace linnet
