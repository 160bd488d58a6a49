// The position of the first extreme (or of the first NaN) along a dimension: one warp a line.
#include "core/elements.h"
#include "cuda/backend.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

/// A candidate; `at` is -1 where there is none.
template <class T>
struct Best {
  T value;
  int64_t at;
};

template <class T>
__device__ bool is_nan(T x) {
  return x != x;
}

/// The better of two, whichever order they come in: NaN, then the larger value, then the lower position.
template <ArgKind K, class T>
__device__ Best<T> better(Best<T> a, Best<T> b) {
  if (a.at < 0) return b;
  if (b.at < 0) return a;
  const Best<T> first = a.at < b.at ? a : b, second = a.at < b.at ? b : a;
  if (is_nan(first.value)) return first;
  const bool beaten = K == ArgKind::Max ? second.value > first.value : second.value < first.value;
  return is_nan(second.value) || beaten ? second : first;
}

/// Small integers travel between lanes as int.
template <class T>
using Exchanged =
    std::conditional_t<(sizeof(T) < 4), int, std::conditional_t<std::is_same_v<T, int64_t>, long long, T>>;

/// Operands of the lines: out, x.
template <ArgKind K, class T>
__global__ void arg_kernel(StridedLoop<2> lines, int64_t count, int64_t step, const T* x, int64_t* out) {
  const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  for (int64_t line = cuda::thread_number() / cuda::kWarp; line < lines.total;
       line += cuda::thread_count() / cuda::kWarp) {
    const cuda::Offsets<2> offset = cuda::offsets_of(lines, line);
    Best<T> best{T(0), -1};
    for (int64_t i = lane; i < count; i += cuda::kWarp)
      best = better<K>(best, {x[offset.at[1] + i * step], i});
    for (int distance = cuda::kWarp / 2; distance > 0; distance /= 2) {
      const auto value = __shfl_xor_sync(0xFFFFFFFFU, static_cast<Exchanged<T>>(best.value), distance);
      const long long at = __shfl_xor_sync(0xFFFFFFFFU, static_cast<long long>(best.at), distance);
      best = better<K>(best, {static_cast<T>(value), static_cast<int64_t>(at)});
    }
    if (lane == 0) out[offset.at[0]] = best.at;
  }
}

}  // namespace

void CudaBackend::arg_reduce(ArgKind kind, const View& x, int dim, const View& out) {
  const Call call(*this, "arg_reduce");
  const auto lines = strided_loop<2>(out.shape, {out.strides, x.strides});
  if (lines.total == 0) return;
  visit_dtype(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    const auto kernel = kind == ArgKind::Max ? arg_kernel<ArgKind::Max, T> : arg_kernel<ArgKind::Min, T>;
    cuda::launch(kernel, cuda::blocks_for(lines.total * cuda::kWarp), cuda::kThreads, 0, stream(), lines,
                 x.shape[dim], x.strides[dim], x.as<const T>(), out.as<int64_t>());
  });
}

}  // namespace linnet
