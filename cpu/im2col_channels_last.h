// Columns in ColumnOrder::ChannelsLast: a column is an output pixel's patch, made of runs as long as the
// image has channels. Private to cpu/im2col.cpp.
#pragma once

#include <algorithm>

#include "cpu/gemm_kernel.h"
#include "cpu/im2col.h"
#include "cpu/scratch.h"

namespace linnet::cpu {

// The rows of an image under a range of pixels, with channels as neighbours: the image itself where it lies
// so, else a transposed copy.
template <class T>
class ChannelsLastRows {
 public:
  // `is_whole`: all rows of the image, whether or not the pixels reach them.
  ChannelsLastRows(const Conv2dGeometry& g, PixelRange pixels, bool is_whole, int64_t channel_stride)
      : g_(g),
        C_(g.channels_per_group()),
        begin_(is_whole ? 0 : std::clamp<int64_t>(first_row(g, pixels.begin), 0, g.H)),
        end_(is_whole ? g.H : std::clamp<int64_t>(first_row(g, pixels.end - 1) + g.span_h(), begin_, g.H)),
        is_copy_(channel_stride != 1),
        memory_(is_copy_ ? (end_ - begin_) * g.W * C_ : 0) {}

  // For reading columns from.
  Image<const T> read(const Image<const T>& image) const {
    if (!is_copy_) return {image.data + begin_ * image.row, 1, image.row, image.column};
    for_flat_parts(image, [&](const T* part, int64_t offset, int64_t pixels) {
      gemm_kernels<T>().pack(part, image.channel, image.column, C_, C_, pixels, memory_.data() + offset * C_);
    });
    return {memory_.data(), 1, g_.W * C_, C_};
  }

  // For adding columns to; finish() then adds the copy to the image, or writes it there.
  Image<T> start(const Image<T>& image) const {
    if (!is_copy_) return {image.data + begin_ * image.row, 1, image.row, image.column};
    std::fill_n(memory_.data(), (end_ - begin_) * g_.W * C_, T(0));
    return {memory_.data(), 1, g_.W * C_, C_};
  }
  void finish(const Image<T>& image, bool overwrite) const {
    if (!is_copy_) return;
    const auto pack = gemm_kernels<T>().pack;
    for_flat_parts(image, [&](T* part, int64_t offset, int64_t pixels) {
      const T* const rows = memory_.data() + offset * C_;
      if (overwrite && image.column == 1 && image.channel == pixels) {
        pack(rows, C_, 1, pixels, pixels, C_, part);
        return;
      }
      const Scratch<T> transposed(pixels * C_);
      pack(rows, C_, 1, pixels, pixels, C_, transposed.data());
      for (int64_t c = 0; c < C_; ++c) {
        const T* const from = transposed.data() + c * pixels;
        T* const to = part + c * image.channel;
        for (int64_t i = 0; i < pixels; ++i) {
          to[i * image.column] = overwrite ? from[i] : to[i * image.column] + from[i];
        }
      }
    });
  }

  // The image's row that is row 0 of the results.
  int64_t begin() const { return begin_; }

 private:
  // Of the patch of a pixel.
  static int64_t first_row(const Conv2dGeometry& g, int64_t pixel) {
    return pixel / g.Q * g.stride_h - g.pad_top;
  }

  // Calls body(first element, pixels before it, pixels) for rows whose pixels one stride visits.
  template <class Pixel, class F>
  void for_flat_parts(const Image<Pixel>& image, F&& body) const {
    const bool flat = image.row == g_.W * image.column;
    const int64_t rows = flat ? std::max<int64_t>(1, end_ - begin_) : 1;
    for (int64_t h = begin_; h < end_; h += rows)
      body(image.data + h * image.row, (h - begin_) * g_.W, rows * g_.W);
  }

  const Conv2dGeometry& g_;
  int64_t C_;
  int64_t begin_, end_;  // rows
  bool is_copy_;
  Scratch<T> memory_;
};

// For each output pixel and each filter position (r, s) calls body(offset of the C elements in the columns,
// whether the position is inside the image, offset of its channels from those of (first_row, 0)).
template <class T, class F>
void for_positions(const Conv2dGeometry& g, const Image<T>& image, int64_t first_row, PixelRange pixels,
                   int64_t step, F&& body) {
  const int64_t C = g.channels_per_group();
  int64_t p = pixels.begin / g.Q;
  int64_t q = pixels.begin % g.Q;
  for (int64_t j = 0; j < pixels.size(); ++j) {
    int64_t column = j * step;
    for (int64_t r = 0; r < g.R; ++r) {
      const int64_t h = p * g.stride_h - g.pad_top + r * g.dilation_h;
      for (int64_t s = 0; s < g.S; ++s, column += C) {
        const int64_t w = q * g.stride_w - g.pad_left + s * g.dilation_w;
        const bool in_image = h >= 0 && h < g.H && w >= 0 && w < g.W;
        body(column, in_image, (h - first_row) * image.row + w * image.column);
      }
    }
    if (++q == g.Q) q = 0, ++p;
  }
}

template <class T>
void im2col_channels_last(const Conv2dGeometry& g, const Image<const T>& image, PixelRange pixels, T* columns,
                          int64_t step) {
  const int64_t C = g.channels_per_group();
  const ChannelsLastRows<T> rows(g, pixels, false, image.channel);
  const Image<const T> source = rows.read(image);
  for_positions(g, source, rows.begin(), pixels, step, [&](int64_t column, bool in_image, int64_t offset) {
    if (in_image) {
      std::copy_n(source.data + offset, C, columns + column);
    } else {
      std::fill_n(columns + column, C, T(0));
    }
  });
}

template <class T>
void col2im_channels_last(const Conv2dGeometry& g, const T* columns, int64_t step, PixelRange pixels,
                          bool is_whole, const Image<T>& image) {
  const int64_t C = g.channels_per_group();
  const ChannelsLastRows<T> rows(g, pixels, is_whole, image.channel);
  const Image<T> target = rows.start(image);
  for_positions(g, target, rows.begin(), pixels, step, [&](int64_t column, bool in_image, int64_t offset) {
    if (!in_image) return;
    const T* __restrict from = columns + column;
    T* __restrict to = target.data + offset;
    for (int64_t c = 0; c < C; ++c) to[c] += from[c];
  });
  rows.finish(image, is_whole);
}

}  // namespace linnet::cpu
