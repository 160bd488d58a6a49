// Some rows of an image with its padding, so that every tap of a filter finds its pixels at a fixed distance,
// wherever the output lies: a copy in a buffer that stays in a cache, or the image itself where no tap leaves
// it. Two orders of memory: planes, whose rows are cut into the phases of the stride, so that a tap's pixels
// are neighbours; and pixels, whose channels are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <linnet/core/conv2d.h>
#include "core/view.h"
#include "cpu/ceil_div.h"
#include "cpu/gemm_kernel.h"

namespace linnet::cpu {

template <class T>
class PaddedImage {
 public:
  /// Of a pixel: how many channels lie together, and whether pixels or whole planes follow each other.
  struct Order {
    bool pixels;       ///< else planes
    int64_t channels;  ///< of a pixel; of planes, how many there are
  };
  /// Rows of planes have room for whole vectors of output pixels. Pixels of x are to lie `spread` apart,
  /// zeros between them. Geometry and image outlive this.
  PaddedImage(const Conv2dGeometry& g, const View& x, Order order, int64_t lanes, int64_t spread_h = 1,
              int64_t spread_w = 1)
      : g_(g),
        x_(x),
        order_(order),
        spread_h_(spread_h),
        spread_w_(spread_w),
        phase_((g.span_w() - 1) / g.stride_w + round_up(g.Q, lanes)),
        in_place_(order.pixels && spread_h == 1 && spread_w == 1 && x.strides[1] == 1 &&
                  x.strides[3] == order.channels && x.shape[1] >= order.channels && g.pad_top <= 0 &&
                  g.pad_left <= 0 && input_rows(g.P) - g.pad_top <= x.shape[2] &&
                  columns() - g.pad_left <= x.shape[3]),
        row_(in_place_      ? x.strides[2]
             : order.pixels ? columns() * order.channels
                            : g.stride_w * phase_),
        first_(std::max<int64_t>(0, ceil_div(-g.pad_left, spread_w))),
        end_(std::max(first_, std::min(x.shape[3], ceil_div(columns() - g.pad_left, spread_w)))) {}

  /// Under some output rows.
  int64_t elements(int64_t rows) const { return (order_.pixels ? 1 : order_.channels) * plane(rows); }
  /// Of the buffer for them.
  int64_t buffer_elements(int64_t rows) const { return in_place_ ? 0 : elements(rows); }
  /// From an image to the next: their buffers, if any, follow each other.
  int64_t image_step(int64_t rows) const { return in_place_ ? x_.strides[0] : elements(rows); }
  /// From one channel to the next.
  int64_t channel_step(int64_t rows) const { return order_.pixels ? 1 : plane(rows); }
  /// From the taps of an output row to those of the next; of an output pixel.
  int64_t row_step() const { return g_.stride_h * row_; }
  int64_t pixel_step() const { return order_.pixels ? g_.stride_w * order_.channels : 1; }
  /// Of a tap, from the first one of its output pixel.
  int64_t tap(int64_t r, int64_t s) const { return r * g_.dilation_h * row_ + place(s * g_.dilation_w); }

  /// Where channels [first, first + count) of image n are for output rows [p, p + rows): in the buffer, to
  /// which they are copied, unless they can be read where they lie. The buffer's columns that no image
  /// reaches stay as they are: zeros.
  const T* read(int64_t n, int64_t first, int64_t count, int64_t p, int64_t rows, T* buffer) const {
    const T* const image = x_.as<const T>() + n * x_.strides[0] + first * x_.strides[1];
    if (in_place_) return image + (p * g_.stride_h - g_.pad_top) * row_ - g_.pad_left * order_.channels;
    for (int64_t c = 0; c < (order_.pixels ? 1 : count); ++c) {
      T* const plane_of_channel = buffer + c * plane(rows);
      for (int64_t i = 0; i < input_rows(rows); ++i) {
        const int64_t up = p * g_.stride_h + i - g_.pad_top;
        const int64_t h = spread_h_ == 1 ? up : up / spread_h_;
        const bool there = up >= 0 && h * spread_h_ == up && h < x_.shape[2];
        T* const to = plane_of_channel + i * row_;
        const T* const from = image + c * x_.strides[1] + (there ? h * x_.strides[2] : 0);
        if (!there) {
          std::fill_n(to, row_, T(0));
        } else if (order_.pixels) {
          fill_pixels(from, count, to);
        } else {
          fill_row(from, to);
        }
      }
    }
    return buffer;
  }

 private:
  int64_t columns() const { return (g_.Q - 1) * g_.stride_w + g_.span_w(); }
  int64_t input_rows(int64_t rows) const { return (rows - 1) * g_.stride_h + g_.span_h(); }
  int64_t plane(int64_t rows) const { return input_rows(rows) * row_; }
  /// Of a padded column in its row.
  int64_t place(int64_t column) const {
    return order_.pixels ? column * order_.channels : column % g_.stride_w * phase_ + column / g_.stride_w;
  }
  /// Rows are short: calls of the C library's copy cost as much as what they do.
  static void copy(const T* from, int64_t count, T* to) {
    constexpr int64_t kRun = 64 / sizeof(T);
    int64_t i = 0;
    for (; i + kRun <= count; i += kRun) std::memcpy(to + i, from + i, kRun * sizeof(T));
    std::copy(from + i, from + count, to + i);
  }
  void fill_row(const T* from, T* to) const {
    const int64_t step = x_.strides[3], stride = g_.stride_w;
    const int64_t first = first_, end = end_;
    if (spread_w_ == 1 && stride == 1 && step == 1) {
      return copy(from + first, end - first, to + first + g_.pad_left);
    }
    if (stride == 1) {
      for (int64_t w = first; w < end; ++w) to[w * spread_w_ + g_.pad_left] = from[w * step];
      return;
    }
    for (int64_t w = first; w < std::min(first + stride, end); ++w) {  // spread is 1: the other one's stride
      T* phase = to + place(w + g_.pad_left);
      for (int64_t column = w; column < end; column += stride) *phase++ = from[column * step];
    }
  }

  void fill_pixels(const T* from, int64_t count, T* to) const {
    const int64_t first = first_, end = end_;
    const int64_t column = x_.strides[3], channel = x_.strides[1];
    const int64_t step = spread_w_ * order_.channels;
    T* const begin = to + (first * spread_w_ + g_.pad_left) * order_.channels;
    if (channel == 1 && step == count && column == count) {
      copy(from + first * column, (end - first) * column, begin);
    } else if (step == order_.channels) {
      gemm_kernels<T>().pack_part(from + first * column, channel, column, count, step, end - first, begin);
    } else if (channel == 1) {
      for (int64_t w = first; w < end; ++w) {
        const T* const pixel = from + w * column;
        T* const place = begin + (w - first) * step;
        for (int64_t c = 0; c < count; ++c) place[c] = pixel[c];
      }
    } else {
      for (int64_t w = first; w < end; ++w) {
        for (int64_t c = 0; c < count; ++c) begin[(w - first) * step + c] = from[w * column + c * channel];
      }
    }
  }

  const Conv2dGeometry& g_;
  const View& x_;
  Order order_;
  int64_t spread_h_, spread_w_;
  int64_t phase_;
  bool in_place_;  // the image, which is the buffer then
  int64_t row_;
  int64_t first_, end_;  // columns of x that lie in a row of the buffer
};

}  // namespace linnet::cpu
