// The kernels of the textbook gradients, which move elements and compute nothing: one thread an element of
// the result, which finds the one it comes from.
#include "core/elements.h"
#include "cuda/array4.h"
#include "cuda/backend.h"
#include "cuda/strided.h"

namespace linnet {
namespace {

/// Calls f(Word{}) with the unsigned type of an element's size; all bits zero are 0 in every dtype.
template <class F>
void visit_word(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(uint8_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

/// The extents of x and out in the two dimensions that are dilated.
struct DilateShape {
  int64_t images, C, P, Q, H, W;
};

template <class Word>
__global__ void dilate_kernel(DilateShape shape, Dilation dilation, cuda::Array4<const Word> x,
                              cuda::Array4<Word> out, bool channels_last) {
  const int64_t total = shape.images * shape.C * shape.H * shape.W;
  for (int64_t i = cuda::thread_number(); i < total; i += cuda::thread_count()) {
    const cuda::Place at = cuda::place(i, shape.C, shape.H, shape.W, channels_last);
    const int64_t down = at.h - dilation.top, right = at.w - dilation.left;
    const int64_t p = down / dilation.stride_h, q = right / dilation.stride_w;
    const bool is_pixel = down >= 0 && right >= 0 && down % dilation.stride_h == 0 &&
                          right % dilation.stride_w == 0 && p < shape.P && q < shape.Q;
    out(at.n, at.c, at.h, at.w) = is_pixel ? x(at.n, at.c, p, q) : Word(0);
  }
}

/// `first` is the element of x that comes first; x's strides in the loop are negative where it is walked
/// backwards.
template <class Word>
__global__ void flip_kernel(StridedLoop<2> loop, Word* out, const Word* first) {
  for (int64_t i = cuda::thread_number(); i < loop.total; i += cuda::thread_count()) {
    const cuda::Offsets<2> offset = cuda::offsets_of(loop, i);
    out[offset.at[0]] = first[offset.at[1]];
  }
}

}  // namespace

void CudaBackend::dilate(const View& x, const Dilation& dilation, const View& out) {
  const Call call(*this, "dilate");
  if (out.numel() == 0) return;
  const DilateShape shape{out.shape[0], out.shape[1], x.shape[2], x.shape[3], out.shape[2], out.shape[3]};
  visit_word(out.dtype, [&](auto word) {
    using Word = decltype(word);
    cuda::launch(dilate_kernel<Word>, cuda::blocks_for(out.numel()), cuda::kThreads, 0, stream(), shape,
                 dilation, cuda::Array4<const Word>(x), cuda::Array4<Word>(out), cuda::is_channels_last(out));
  });
}

void CudaBackend::flip(const View& x, uint32_t dims, const View& out) {
  const Call call(*this, "flip");
  if (out.numel() == 0) return;
  Strides backwards = x.strides;
  int64_t first = 0;
  for (int d = 0; d < x.rank(); ++d) {
    if ((dims >> d & 1U) == 0) continue;
    backwards[d] = -x.strides[d];
    first += (x.shape[d] - 1) * x.strides[d];
  }
  const auto loop = strided_loop<2>(out.shape, {out.strides, backwards});
  visit_word(x.dtype, [&](auto word) {
    using Word = decltype(word);
    cuda::launch(flip_kernel<Word>, cuda::blocks_for(loop.total), cuda::kThreads, 0, stream(), loop,
                 out.as<Word>(), x.as<const Word>() + first);
  });
}

}  // namespace linnet
