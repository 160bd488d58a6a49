// Elementwise operators of one operand: one thread an element, stepping by the grid.
#include "cuda/elementwise.h"

namespace linnet {
namespace {

template <class T, class F>
__global__ void unary_kernel(StridedLoop<2> loop, bool dense, T* out, const T* x, F f) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    if (dense) {
      out[i] = functor::apply(f, x[i]);
    } else {
      const cuda::Offsets<2> offset = cuda::offsets_of(loop, i);
      out[offset.at[0]] = functor::apply(f, x[offset.at[1]]);
    }
  }
}

}  // namespace

void CudaBackend::unary(UnaryOp op, const View& x, const View& out) {
  const Call call(*this, linnet::name(op.kind));
  if (out.dtype == DType::Bool || (!is_floating(out.dtype) && !works_on_integers(op.kind))) {
    fail_dtype(linnet::name(op.kind), out.dtype, works_on_integers(op.kind));
  }
  const auto loop = strided_loop<2>(out.shape, {out.strides, x.strides});
  if (loop.total == 0) return;
  visit_dtype(out.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    visit(op, [&](auto kind, auto f) {
      if constexpr (std::is_floating_point_v<T> || works_on_integers(kind())) {
        cuda::launch(unary_kernel<T, decltype(f)>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(),
                     loop, loop.dense(), out.as<T>(), x.as<const T>(), f);
      }
    });
  });
}

}  // namespace linnet
