// Reversing dimensions: the walk over the output, with the input's strides turned round.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {

void CpuBackend::flip(const View& x, uint32_t dims, const View& out) {
  if (x.numel() == 0) return;
  Strides backwards = x.strides;
  int64_t last = 0;  // the element that comes first
  for (int d = 0; d < x.rank(); ++d) {
    if ((dims >> d & 1U) == 0) continue;
    backwards[d] = -x.strides[d];
    last += (x.shape[d] - 1) * x.strides[d];
  }
  const auto loop = strided_loop<2>(out.shape, {out.strides, backwards});
  visit_dtype(x.dtype, [&](auto type) {
    using T = typename decltype(type)::Stored;
    cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
      T* to = out.as<T>() + offset[0];
      const T* from = x.as<const T>() + last + offset[1];
      for (int64_t i = 0; i < n; ++i) to[i * loop.inner_stride(0)] = from[i * loop.inner_stride(1)];
    });
  });
}

}  // namespace linnet
