// The textbook gradients' operators, which move elements and compute nothing. Dilate: one thread an element
// of the result, which finds the one it comes from.
#include "cuda/array4.h"
#include "cuda/backend.h"
#include "cuda/move.h"

namespace linnet {
namespace {

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

}  // namespace

void CudaBackend::dilate(const View& x, const Dilation& dilation, const View& out) {
  const Call call(*this, "dilate");
  if (out.numel() == 0) return;
  const DilateShape shape{out.shape[0], out.shape[1], x.shape[2], x.shape[3], out.shape[2], out.shape[3]};
  cuda::visit_word(out.dtype, [&](auto word) {
    using Word = decltype(word);
    cuda::launch(dilate_kernel<Word>, cuda::blocks_for(out.numel()), cuda::kThreads, 0, stream(), shape,
                 dilation, cuda::Array4<const Word>(x), cuda::Array4<Word>(out),
                 channels_are_neighbours(out));
  });
}

void CudaBackend::flip(const View& x, uint32_t dims, const View& out) {
  const Call call(*this, "flip");
  if (out.numel() == 0) return;
  cuda::move(reversed(x, dims), out, stream());
}

}  // namespace linnet
