// Positions of extremes along a dimension: the first one, or the first NaN where there is one.
#include "core/elements.h"
#include "cpu/backend.h"
#include "cpu/strided.h"

namespace linnet {
namespace {

template <class T>
int64_t first_extreme(ArgKind kind, const T* x, int64_t stride, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T a = x[i * stride], b = x[best * stride];
    if (a != a) return i;
    if (kind == ArgKind::Max ? a > b : a < b) best = i;
  }
  return best;
}

}  // namespace

void CpuBackend::arg_reduce(ArgKind kind, const View& x, int dim, const View& out) {
  Strides along = x.strides;  // of the outputs: `dim` has extent 1
  along[dim] = 0;
  const auto loop = strided_loop<2>(out.shape, {out.strides, along});
  const int64_t size = x.shape[dim], stride = x.strides[dim];
  const int64_t grain = std::max<int64_t>(1, cpu::kGrain / size);
  visit_dtype(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cpu::parallel_range(loop.total, grain, [&](int64_t begin, int64_t end) {
      cpu::walk(loop, begin, end, [&](const auto& at, int64_t, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
          out.as<int64_t>()[at[0] + i * loop.inner_stride(0)] =
              first_extreme(kind, x.as<const T>() + at[1] + i * loop.inner_stride(1), stride, size);
        }
      });
    });
  });
}

}  // namespace linnet
