// Sums, maxima and minima over any set of dimensions. (Positions of extremes: cuda/arg_reduce.cu.)
//
// Floating sums add up in double, sums of integers and bool in int64 (wrapping); one rounding at the end. The
// reduced elements of an output are cut into parts by shape alone; a part is combined by one block, in a
// fixed order, and the parts in order. Maxima and minima are NaN where there is one.
//
// Two forms of a part: along rows, where all threads of a block work on one output; and down columns, where
// 32 neighbouring outputs lie beside each other in memory and a row of threads reads a row of them.
#include "core/backend_scratch.h"
#include "core/elements.h"
#include "core/reduce_math.h"
#include "cuda/backend.h"
#include "cuda/block_reduce.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

constexpr int64_t kPart = 8192;  // elements of one output that a block combines
constexpr int kColumns = 32, kRows = 8;

template <ReduceKind K>
struct Combine {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return combine<K>(a, b);
  }
};

/// What is reduced. Operands of `kept`: out, x; of `reduced`: x.
template <class T>
struct Job {
  StridedLoop<2> kept;
  StridedLoop<1> reduced;
  const T* x;
  int64_t parts;
};

/// partial[part * outputs + output] of each block (output, part).
template <ReduceKind K, class T, class Acc>
__global__ void rows_kernel(Job<T> job, Acc* partial) {
  __shared__ Acc shared[cuda::kThreads];
  const int64_t outputs = job.kept.total, total = job.reduced.total;
  for (int64_t task = blockIdx.x; task < outputs * job.parts; task += gridDim.x) {
    const int64_t output = task % outputs, part = task / outputs;
    const int64_t begin = part * kPart, end = begin + kPart < total ? begin + kPart : total;
    const T* x = job.x + cuda::offsets_of(job.kept, output).at[1];
    Acc acc = reduce_identity<K, Acc>();
    for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
      acc = Combine<K>{}(acc, static_cast<Acc>(x[cuda::offsets_of(job.reduced, i).at[0]]));
    }
    acc = cuda::block_reduce(acc, Combine<K>{}, shared);
    if (threadIdx.x == 0) partial[task] = acc;
  }
}

/// The same for kColumns neighbouring outputs a block of (kColumns, kRows) threads.
template <ReduceKind K, class T, class Acc>
__global__ void columns_kernel(Job<T> job, Acc* partial) {
  __shared__ Acc shared[kRows][kColumns];
  const int64_t outputs = job.kept.total, total = job.reduced.total;
  const int64_t groups = (outputs + kColumns - 1) / kColumns;
  for (int64_t task = blockIdx.x; task < groups * job.parts; task += gridDim.x) {
    const int64_t output = task % groups * kColumns + threadIdx.x, part = task / groups;
    const int64_t begin = part * kPart, end = begin + kPart < total ? begin + kPart : total;
    Acc acc = reduce_identity<K, Acc>();
    if (output < outputs) {
      const T* x = job.x + cuda::offsets_of(job.kept, output).at[1];
      for (int64_t i = begin + threadIdx.y; i < end; i += kRows) {
        acc = Combine<K>{}(acc, static_cast<Acc>(x[cuda::offsets_of(job.reduced, i).at[0]]));
      }
    }
    shared[threadIdx.y][threadIdx.x] = acc;
    __syncthreads();
    if (threadIdx.y == 0 && output < outputs) {
      for (int row = 1; row < kRows; ++row) acc = Combine<K>{}(acc, shared[row][threadIdx.x]);
      partial[part * outputs + output] = acc;
    }
    __syncthreads();
  }
}

/// out = the parts of each output, in order.
template <ReduceKind K, class E, class Acc>
__global__ void finish_kernel(StridedLoop<2> kept, int64_t parts, const Acc* partial,
                              typename E::Stored* out) {
  for (int64_t i = cuda::thread_number(); i < kept.total; i += cuda::thread_count()) {
    Acc acc = partial[i];
    for (int64_t part = 1; part < parts; ++part) acc = Combine<K>{}(acc, partial[part * kept.total + i]);
    out[cuda::offsets_of(kept, i).at[0]] = static_cast<typename E::Stored>(acc);
  }
}

template <ReduceKind K, class E, class OutE, class Acc>
void reduce_as(CudaBackend& backend, const View& x, const View& out) {
  using T = typename E::Stored;
  Shape kept = x.shape, reduced = x.shape;
  for (int d = 0; d < x.rank(); ++d) (out.shape[d] == x.shape[d] ? reduced : kept)[d] = 1;
  // Outputs in the order of x's memory, so that neighbours lie side by side there.
  const auto by_x = strided_loop<2>(kept, {x.strides, out.strides});
  Job<T> job{by_x, strided_loop<1>(reduced, {x.strides}), x.as<const T>(), 1};
  for (int d = 0; d < by_x.rank; ++d) {
    job.kept.stride[0][d] = by_x.stride[1][d];
    job.kept.stride[1][d] = by_x.stride[0][d];
  }
  if (job.kept.total == 0) return;
  if (job.reduced.total == 0)
    return backend.fill(0, out);  // sums only: extremes never see an empty dimension
  job.parts = (job.reduced.total + kPart - 1) / kPart;

  BackendScratch scratch(backend);
  const DType acc_type = std::is_same_v<Acc, double>    ? DType::Float64
                         : std::is_same_v<Acc, int64_t> ? DType::Int64
                                                        : E::kDType;
  Acc* partial = scratch.make(Shape{job.parts * job.kept.total}, acc_type).template as<Acc>();
  const bool down_columns = job.kept.inner_stride(1) == 1 && job.kept.inner_extent() > 1 &&
                            (job.reduced.inner_stride(0) != 1 || job.reduced.total == 1);
  if (down_columns) {
    const int64_t blocks = (job.kept.total + kColumns - 1) / kColumns * job.parts;
    cuda::launch(columns_kernel<K, T, Acc>, cuda::blocks_for(blocks, 1), dim3(kColumns, kRows), 0,
                 backend.stream(), job, partial);
  } else {
    const unsigned threads = cuda::block_reduce_threads(std::min(job.reduced.total, kPart));
    cuda::launch(rows_kernel<K, T, Acc>, cuda::blocks_for(job.kept.total * job.parts, 1), threads, 0,
                 backend.stream(), job, partial);
  }
  cuda::launch(finish_kernel<K, OutE, Acc>, cuda::blocks_for(job.kept.total), cuda::kThreads, 0,
               backend.stream(), job.kept, job.parts, partial, out.as<typename OutE::Stored>());
}

template <class E>
void reduce_kind(CudaBackend& backend, ReduceKind kind, const View& x, const View& out) {
  using T = typename E::Stored;
  using OutE = std::conditional_t<std::is_floating_point_v<T>, E, Element<DType::Int64>>;
  using Acc = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;
  if (kind == ReduceKind::Sum) return reduce_as<ReduceKind::Sum, E, OutE, Acc>(backend, x, out);
  if (kind == ReduceKind::Max) return reduce_as<ReduceKind::Max, E, E, T>(backend, x, out);
  reduce_as<ReduceKind::Min, E, E, T>(backend, x, out);
}

}  // namespace

void CudaBackend::reduce(ReduceKind kind, const View& x, const View& out) {
  const Call call(*this, "reduce");
  visit_dtype(x.dtype, [&](auto element) { reduce_kind<decltype(element)>(*this, kind, x, out); });
}

}  // namespace linnet
