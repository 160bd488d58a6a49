// gather and scatter_add. An index outside the array gives 0, adds nothing, and becomes a value error.
#include "core/elements.h"
#include "core/elementwise.h"
#include "cuda/backend.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

/// The first mistake of all threads keeps the word.
__device__ void raise(cuda::ValueError* word, cuda::ValueErrorKind kind, int64_t value, int64_t position,
                      int64_t limit) {
  if (atomicCAS(&word->raised, 0, 1) != 0) return;
  word->kind = kind;
  word->value = value;
  word->position = position;
  word->limit = limit;
}

/// Operands: out, index, x without its stride along `dim`.
template <class T>
__global__ void gather_kernel(StridedLoop<3> loop, T* out, const int64_t* index, const T* x, int64_t step,
                              int64_t extent, cuda::ValueError* word) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<3> offset = cuda::offsets_of(loop, i);
    const int64_t at = index[offset.at[1]];
    if (at >= 0 && at < extent) {
      out[offset.at[0]] = x[offset.at[2] + at * step];
    } else {
      out[offset.at[0]] = T(0);
      raise(word, cuda::ValueErrorKind::Gather, at, i, extent);
    }
  }
}

/// One thread a line along `dim`, in the order of the indices, so that sums have the same bits every time.
/// Operands of the lines: source, index, out. Lines that differ in the dimensions after `dim` alone are
/// `inner`.
template <class E, class T = typename E::Stored>
__global__ void scatter_add_kernel(StridedLoop<3> lines, int64_t inner, int64_t count, T* out,
                                   int64_t out_step, int64_t extent, const T* source, int64_t source_step,
                                   const int64_t* index, int64_t index_step, cuda::ValueError* word) {
  for (int64_t line = cuda::thread_number(); line < lines.total; line += cuda::thread_count()) {
    const cuda::Offsets<3> offset = cuda::offsets_of(lines, line);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = index[offset.at[1] + i * index_step];
      if (at < 0 || at >= extent) {
        const int64_t position = (line / inner * count + i) * inner + line % inner;
        raise(word, cuda::ValueErrorKind::ScatterAdd, at, position, extent);
        continue;
      }
      T& sum = out[offset.at[2] + at * out_step];
      sum = E::store(functor::apply(functor::Add{}, sum, source[offset.at[0] + i * source_step]));
    }
  }
}

}  // namespace

void CudaBackend::gather(const View& x, int dim, const View& index, const View& out) {
  const Call call(*this, "gather");
  // In row-major order, so that an error names the element as a reader counts it.
  const auto loop =
      strided_loop<3>(out.shape, {out.strides, index.strides, without(x.strides, dim)}, LoopOrder::RowMajor);
  if (loop.total == 0) return;
  visit_dtype(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    cuda::launch(gather_kernel<T>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(), loop,
                 out.as<T>(), index.as<const int64_t>(), x.as<const T>(), x.strides[dim], x.shape[dim],
                 value_errors_.word());
  });
}

void CudaBackend::scatter_add(const View& source, int dim, const View& index, const View& out) {
  const Call call(*this, "scatter_add");
  Shape shape = source.shape;
  const int64_t count = shape[dim];
  shape[dim] = 1;
  const auto lines =
      strided_loop<3>(shape, {source.strides, index.strides, out.strides}, LoopOrder::RowMajor);
  if (lines.total == 0 || count == 0) return;
  int64_t inner = 1;
  for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  visit_dtype(out.dtype, [&](auto element) {
    using E = decltype(element);
    using T = typename E::Stored;
    cuda::launch(scatter_add_kernel<E>, cuda::blocks_for(lines.total), cuda::kThreads, 0, stream(), lines,
                 inner, count, out.as<T>(), out.strides[dim], out.shape[dim], source.as<const T>(),
                 source.strides[dim], index.as<const int64_t>(), index.strides[dim], value_errors_.word());
  });
}

}  // namespace linnet
