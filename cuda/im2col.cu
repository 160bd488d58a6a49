// The kernels between images and columns. im2col: one thread a window of one channel. col2im: one thread an
// element of the image, which gathers its sum from the columns, so no two threads write to one place.
#include "cuda/im2col.h"

#include <algorithm>

#include "core/elements.h"
#include "cuda/array4.h"
#include "cuda/backend.h"

namespace linnet::cuda {
namespace {

/// Where the columns have channel c under filter element number r S + s.
struct ColumnChannel {
  int64_t first, step;
  __device__ int64_t at(int64_t element) const { return first + element * step; }
};

__device__ ColumnChannel column_channel(const Conv2dGeometry& g, ColumnOrder order, int64_t c) {
  if (order == ColumnOrder::ChannelsFirst) return {c * g.R * g.S, 1};
  const int64_t channels = g.C / g.groups;
  return {c / channels * g.R * g.S * channels + c % channels, channels};
}

template <class T>
__global__ void im2col_kernel(Conv2dGeometry g, Chunk chunk, ColumnOrder order, Array4<const T> x,
                              Array4<T> columns) {
  const bool channels_last = order == ColumnOrder::ChannelsLast;
  const int64_t windows = chunk.images * g.C * chunk.rows * g.Q;
  for (int64_t i = thread_number(); i < windows; i += thread_count()) {
    const Place at = place(i, g.C, chunk.rows, g.Q, channels_last);
    const ColumnChannel channel = column_channel(g, order, at.c);
    const int64_t top = (chunk.row + at.h) * g.stride_h - g.pad_top;
    const int64_t left = at.w * g.stride_w - g.pad_left;
    for (int64_t r = 0; r < g.R; ++r) {
      const int64_t h = top + r * g.dilation_h;
      for (int64_t s = 0; s < g.S; ++s) {
        const int64_t w = left + s * g.dilation_w;
        const bool inside = h >= 0 && h < g.H && w >= 0 && w < g.W;
        columns(at.n, channel.at(r * g.S + s), at.h, at.w) =
            inside ? x(chunk.image + at.n, at.c, h, w) : T(0);
      }
    }
  }
}

/// Rows of the image that the windows of a chunk touch, and whether these are all that touch them.
struct Rows {
  int64_t first, count;
  bool complete;
};

template <class T>
__global__ void col2im_kernel(Conv2dGeometry g, Chunk chunk, Rows rows, ColumnOrder order,
                              Array4<const T> columns, Array4<T> gx, bool channels_last) {
  const int64_t elements = chunk.images * g.C * rows.count * g.W;
  for (int64_t i = thread_number(); i < elements; i += thread_count()) {
    const Place at = place(i, g.C, rows.count, g.W, channels_last);
    const ColumnChannel channel = column_channel(g, order, at.c);
    const int64_t h = rows.first + at.h;
    T& result = gx(chunk.image + at.n, at.c, h, at.w);
    T sum = rows.complete ? T(0) : result;
    for (int64_t r = 0; r < g.R; ++r) {
      const int64_t p = window_at(h + g.pad_top - r * g.dilation_h, g.stride_h, g.P) - chunk.row;
      if (p < 0 || p >= chunk.rows) continue;
      for (int64_t s = 0; s < g.S; ++s) {
        const int64_t q = window_at(at.w + g.pad_left - s * g.dilation_w, g.stride_w, g.Q);
        if (q >= 0) sum += columns(at.n, channel.at(r * g.S + s), p, q);
      }
    }
    result = sum;
  }
}

/// Windows that tile: the window of an element, and its place there, are quotient and remainder. A chunk's
/// rows are those of its windows alone, so nothing is added.
template <class T>
__global__ void permute_columns_kernel(Conv2dGeometry g, Chunk chunk, Rows rows, ColumnOrder order,
                                       Array4<const T> columns, Array4<T> gx, bool channels_last) {
  const int64_t elements = chunk.images * g.C * rows.count * g.W;
  for (int64_t i = thread_number(); i < elements; i += thread_count()) {
    const Place at = place(i, g.C, rows.count, g.W, channels_last);
    const int64_t down = rows.first + at.h + g.pad_top, right = at.w + g.pad_left;
    const int64_t p = down / g.R - chunk.row, q = right / g.S;
    const int64_t element = down % g.R * g.S + right % g.S;
    const bool covered = p >= 0 && p < chunk.rows && q < g.Q;
    gx(chunk.image + at.n, at.c, rows.first + at.h, at.w) =
        covered ? columns(at.n, column_channel(g, order, at.c).at(element), p, q) : T(0);
  }
}

Rows rows_of(const Conv2dGeometry& g, const Chunk& chunk) {
  if (chunk.rows == g.P) return {0, g.H, true};
  const int64_t top = chunk.row * g.stride_h - g.pad_top;
  const int64_t first = std::clamp<int64_t>(top, 0, g.H);
  const int64_t end = std::clamp<int64_t>(top + (chunk.rows - 1) * g.stride_h + g.span_h(), 0, g.H);
  return {first, end - first, false};
}

}  // namespace

View chunk_images(void* data, DType dtype, const Conv2dGeometry& geometry, const Chunk& chunk,
                  int64_t channels, ColumnOrder order) {
  const int64_t Q = geometry.Q, pixels = chunk.rows * Q;
  View images{data, dtype, {chunk.images, channels, chunk.rows, Q}, {}};
  if (order == ColumnOrder::ChannelsFirst) {
    images.strides = {pixels, chunk.images * pixels, Q, 1};
  } else {
    images.strides = {pixels * channels, 1, Q * channels, channels};
  }
  return images;
}

void im2col(CudaBackend& backend, const Conv2dGeometry& geometry, const Chunk& chunk, ColumnOrder order,
            const View& x, const View& columns) {
  const int64_t windows = chunk.images * geometry.C * chunk.rows * geometry.Q;
  visit_floating(x.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    launch(im2col_kernel<T>, blocks_for(windows), kThreads, 0, backend.stream(), geometry, chunk, order,
           Array4<const T>(x), Array4<T>(columns));
  });
}

void col2im(CudaBackend& backend, const Conv2dGeometry& geometry, const Chunk& chunk, ColumnOrder order,
            const View& columns, const View& gx) {
  const Rows rows = rows_of(geometry, chunk);
  const int64_t elements = chunk.images * geometry.C * rows.count * geometry.W;
  if (elements == 0) return;
  visit_floating(gx.dtype, [&](auto element) {
    using T = typename decltype(element)::Stored;
    launch(geometry.windows_tile() ? permute_columns_kernel<T> : col2im_kernel<T>, blocks_for(elements),
           kThreads, 0, backend.stream(), geometry, chunk, rows, order, Array4<const T>(columns),
           Array4<T>(gx), channels_are_neighbours(gx));
  });
}

}  // namespace linnet::cuda
