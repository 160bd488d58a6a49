// Elementwise operators of two operands, comparisons included: one thread an element, stepping by the grid.
#include "cuda/elementwise.h"

namespace linnet {
namespace {

template <class T, class Out, class F>
__global__ void binary_kernel(StridedLoop<3> loop, bool dense, Out* out, cuda::Source<T> a, cuda::Source<T> b,
                              F f) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    if (dense) {
      out[i] = static_cast<Out>(functor::apply(f, a.at(i), b.at(i)));
    } else {
      const cuda::Offsets<3> offset = cuda::offsets_of(loop, i);
      out[offset.at[0]] = static_cast<Out>(functor::apply(f, a.at(offset.at[1]), b.at(offset.at[2])));
    }
  }
}

}  // namespace

void CudaBackend::binary(BinaryKind kind, const Operand& a, const Operand& b, const View& out) {
  const Call call(*this, linnet::name(kind));
  const DType dtype = !a.is_number ? a.view.dtype : !b.is_number ? b.view.dtype : out.dtype;
  if (dtype == DType::Bool ? !works_on_bool(kind) : !is_floating(dtype) && !works_on_integers(kind)) {
    fail_dtype(linnet::name(kind), dtype, works_on_integers(kind));
  }
  const auto loop = strided_loop<3>(
      out.shape, {out.strides, cuda::strides_of(a, out.rank()), cuda::strides_of(b, out.rank())});
  if (loop.total == 0) return;
  const bool dense =
      cuda::is_dense(loop, 0) && cuda::is_dense(loop, 1, a.is_number) && cuda::is_dense(loop, 2, b.is_number);
  visit_dtype(dtype, [&](auto element) {
    using E = decltype(element);
    using T = typename E::Stored;
    visit(kind, [&](auto k, auto f) {
      if constexpr (is_comparison(k()) || std::is_floating_point_v<T> || works_on_integers(k())) {
        using Out = std::conditional_t<is_comparison(k()), uint8_t, T>;
        cuda::launch(binary_kernel<T, Out, decltype(f)>, cuda::blocks_for(loop.total), cuda::kThreads, 0,
                     stream(), loop, dense, out.as<Out>(), cuda::source_of<E>(a), cuda::source_of<E>(b), f);
      }
    });
  });
}

}  // namespace linnet
