// Copies between any strides and dtypes, and fills. Dense copies of one dtype are CUDA's own.
#include "core/elements.h"
#include "cuda/backend.h"
#include "cuda/move.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

/// Elements of E from elements that are stored as From.
template <class E, class From>
__global__ void copy_kernel(StridedLoop<2> loop, typename E::Stored* to, const From* from) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<2> offset = cuda::offsets_of(loop, i);
    to[offset.at[0]] = E::store(from[offset.at[1]]);
  }
}

/// The same dtype: the elements as words of their size.
template <class Word>
__global__ void move_kernel(StridedLoop<2> loop, Word* to, const Word* from) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<2> offset = cuda::offsets_of(loop, i);
    to[offset.at[0]] = from[offset.at[1]];
  }
}

template <class T>
__global__ void fill_kernel(StridedLoop<1> loop, T* to, T value) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    to[cuda::offsets_of(loop, i).at[0]] = value;
  }
}

}  // namespace

void cuda::move(const View& from, const View& to, cudaStream_t stream) {
  const auto loop = strided_loop<2>(to.shape, {to.strides, from.strides});
  if (loop.total == 0) return;
  if (loop.dense()) {
    return check_cuda(cudaMemcpyAsync(to.data, from.data, static_cast<size_t>(loop.total) * size_of(to.dtype),
                                      cudaMemcpyDeviceToDevice, stream),
                      "cudaMemcpyAsync");
  }
  visit_word(to.dtype, [&](auto word) {
    using Word = decltype(word);
    launch(move_kernel<Word>, blocks_for(loop.total), kThreads, 0, stream, loop, to.as<Word>(),
           from.as<const Word>());
  });
}

void CudaBackend::copy(const View& from, const View& to) {
  const Call call(*this, "copy");
  if (from.dtype == to.dtype) return cuda::move(from, to, stream());
  const auto loop = strided_loop<2>(to.shape, {to.strides, from.strides});
  if (loop.total == 0) return;
  visit_dtype(to.dtype, [&](auto element) {
    using E = decltype(element);
    visit_dtype(from.dtype, [&](auto source) {
      using From = typename decltype(source)::Stored;
      cuda::launch(copy_kernel<E, From>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(), loop,
                   to.as<typename E::Stored>(), from.as<const From>());
    });
  });
}

void CudaBackend::fill(Scalar value, const View& to) {
  const Call call(*this, "fill");
  const auto loop = strided_loop<1>(to.shape, {to.strides});
  if (loop.total == 0) return;
  visit_dtype(to.dtype, [&](auto element) {
    using E = decltype(element);
    cuda::launch(fill_kernel<typename E::Stored>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(),
                 loop, to.as<typename E::Stored>(), E::from(value));
  });
}

}  // namespace linnet
