// out = condition ? a : b, one thread an element.
#include "cuda/elementwise.h"

namespace linnet {
namespace {

template <class T>
__global__ void where_kernel(StridedLoop<4> loop, T* out, const uint8_t* condition, cuda::Source<T> a,
                             cuda::Source<T> b) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<4> offset = cuda::offsets_of(loop, i);
    out[offset.at[0]] = condition[offset.at[1]] != 0 ? a.at(offset.at[2]) : b.at(offset.at[3]);
  }
}

}  // namespace

void CudaBackend::where(const View& condition, const Operand& a, const Operand& b, const View& out) {
  const Call call(*this, "where");
  const auto loop = strided_loop<4>(
      out.shape,
      {out.strides, condition.strides, cuda::strides_of(a, out.rank()), cuda::strides_of(b, out.rank())});
  if (loop.total == 0) return;
  visit_dtype(out.dtype, [&](auto element) {
    using E = decltype(element);
    using T = typename E::Stored;
    cuda::launch(where_kernel<T>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(), loop,
                 out.as<T>(), condition.as<const uint8_t>(), cuda::source_of<E>(a), cuda::source_of<E>(b));
  });
}

}  // namespace linnet
