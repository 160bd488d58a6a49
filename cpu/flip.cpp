// Reversing dimensions: the walk over the output, with the input's strides turned round.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {

void CpuBackend::flip(const View& x, uint32_t dims, const View& out) {
  if (x.numel() == 0) return;
  const View from = reversed(x, dims);
  const auto loop = strided_loop<2>(out.shape, {out.strides, from.strides});
  visit_dtype(x.dtype, [&](auto type) {
    using T = typename decltype(type)::Stored;
    cpu::parallel_walk(loop, [&](const auto& offset, int64_t, int64_t n) {
      T* result = out.as<T>() + offset[0];
      const T* source = from.as<const T>() + offset[1];
      for (int64_t i = 0; i < n; ++i) result[i * loop.inner_stride(0)] = source[i * loop.inner_stride(1)];
    });
  });
}

}  // namespace linnet
